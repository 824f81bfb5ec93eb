"use strict";
// Renews the parts of a page that are marked data-live, every two seconds, until the server marks none of them any more.
const PAUSE = 2000;

async function renew() {
  if (!document.querySelector("[data-live]")) return;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (answer.ok && !answer.redirected) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-live]")) {
        const now = page.getElementById(part.id);
        // What a person has in hand stays, until the last time.
        if (now && (!part.contains(document.activeElement) || !now.hasAttribute("data-live"))) part.replaceWith(now);
      }
    }
  } catch {
    // The server is away for a moment: the next round looks again.
  }
  setTimeout(renew, PAUSE);
}
setTimeout(renew, PAUSE);
