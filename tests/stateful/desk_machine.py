"""Anything that can happen between a desk and a real ERP, as rules that Hypothesis puts in any order.

Two workers deliver in three steps (claim, call, report), so that everything else may come in between; either may die.
Time passes by moving the times that are kept back: in the rows, and in what the workers hold in memory.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count

from django.db.models import F
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from integrations import actions, delivery, resync
from integrations.erps.contract import Connector, ErpError
from integrations.lanes import Job, Result, call
from integrations.models import Connection
from integrations.payment_look_up import look_up_payment
from integrations.reporting import report_call
from invoices import clock
from invoices.actions import flow, receipts
from invoices.actions.outbox import settle
from invoices.actions.preferences import change_preferences
from invoices.errors import Refusal
from invoices.models import Evidence, IntegrationMessage, Payment
from invoices.roles import Role
from tests.delivery.desk import Desk
from tests.factories import ClientFactory, RoleGrantFactory, UserFactory
from tests.invariants import Answer

HOUR = timedelta(hours=1)
MONTH = "2026-11"
REASON = "because the test says so"
COMPANIES = count(1)
NUMBERS = st.integers(0, 1)  # of two workers, of two invoices
DIRECTIONS = st.sampled_from(("payable", "receivable", "receivable"))
PART = "3.00"  # of 10.99: three payments that look alike fit on an invoice
ROUNDS_UNTIL_SETTLED = 12


@dataclass
class Worker:
    """A process that delivers: what it holds in memory is lost when it dies."""

    connector: Connector
    jobs: list[Job] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)

    def call(self) -> None:
        """Make the oldest call."""
        if self.jobs:
            job = self.jobs.pop(0)
            try:
                self.results.append(Result(job, call(self.connector, job)))
            except ErpError as exc:
                self.results.append(Result(job, error=exc))

    def report(self) -> None:
        """Report what it has, as one group."""
        results, self.results = self.results, []
        now = clock.now()
        settle(
            [
                delivery.judge_look_up(result, now) if result.job.is_look_up else report_call(result, now, 0.5)
                for result in results
            ]
        )

    def die(self) -> None:
        """Forget everything."""
        self.jobs, self.results = [], []

    def grow_older(self, span: timedelta) -> None:
        """Let time pass for what it holds."""
        self.jobs = [older(job, span) for job in self.jobs]
        self.results = [replace(result, job=older(result.job, span)) for result in self.results]


def older(job: Job, span: timedelta) -> Job:
    """Return a job as it is after `span`."""
    return replace(job, start_by=job.start_by - span.total_seconds(), claimed_at=job.claimed_at - span)


class DeskMachine(RuleBasedStateMachine):
    """One desk; `erp` is set by the test."""

    erp = None

    @initialize(forgetful=st.booleans(), directions=st.tuples(DIRECTIONS, DIRECTIONS), is_booked=st.booleans())
    def open_desk(self, forgetful, directions, is_booked=False):
        slug = f"stateful-{next(COMPANIES)}"
        client = ClientFactory(slug=slug)
        people = []
        for name, role in (
            ("clerk", Role.FINANCE_STAFF),
            ("clerk2", Role.FINANCE_STAFF),
            ("handler", Role.QUEUE_HANDLER),
        ):
            person = UserFactory(username=f"{slug}-{name}", password="!")
            RoleGrantFactory(user=person, client=client, role=role)
            people.append(person)
        self.manager = UserFactory(username=f"{slug}-manager", password="!")
        RoleGrantFactory(user=self.manager, client=client, role=Role.INTEGRATION_MANAGER)
        self.desk = Desk.open(self.erp, client, *people, company=slug)
        if forgetful:  # its ERP books the same key twice when it is sent twice
            self.desk.prefer(ignore_keys=True)
        self.workers = [Worker(self.desk.connector()), Worker(self.desk.connector())]
        self.posted = [self.desk.post(direction=direction) for direction in directions]
        for invoice in self.posted:
            self.tell("post", invoice)
        if is_booked:  # its receivables, so that there is time for payments
            self.desk.drain()

    # People --------------------------------------------------------------------------------------------------------

    @rule(number=NUMBERS)
    def approve(self, number):
        invoice = self.posted[number]
        self.press("approve", invoice, lambda: flow.approve_invoice(invoice.pk, by=self.desk.approver))

    @rule(number=NUMBERS)
    def abort(self, number):
        invoice = self.posted[number]
        self.press("abort", invoice, lambda: flow.abort_message(invoice.pk, by=self.desk.handler, reason=REASON))

    @rule(number=NUMBERS)
    def skip(self, number):
        invoice = self.posted[number]
        self.press("skip", invoice, lambda: flow.skip_step(invoice.pk, by=self.desk.handler, reason=REASON))

    @rule(number=NUMBERS)
    def post_again(self, number):
        invoice = self.posted[number]
        self.press("post_again", invoice, lambda: actions.post_again(invoice.pk, by=self.desk.handler, reason=REASON))

    @rule(number=NUMBERS, answers=st.booleans())
    def ask(self, number, answers):
        invoice = self.posted[number]
        if answers:
            self.press("", invoice, lambda: actions.look_up(invoice.pk, by=self.desk.handler))
        else:
            self.press("", invoice, lambda: resync.re_sync(invoice.pk, by=self.desk.clerk))

    # Payments ------------------------------------------------------------------------------------------------------

    @rule(number=NUMBERS, state=st.sampled_from(("authorized", "authorized", "succeeded")))
    def pay(self, number, state):
        invoice = self.posted[number]
        self.press("", invoice, lambda: self.desk.pay(invoice, PART, state=state))

    @rule(
        number=st.integers(0, 3),
        move=st.sampled_from((receipts.settle_payment, receipts.fail_payment, receipts.void_payment)),
    )
    def move_payment(self, number, move):
        payment = self.some_payment(number)
        if payment is not None:
            self.press("", payment.invoice, lambda: move(payment.pk, by=self.desk.clerk, reason=REASON))

    @rule(number=st.integers(0, 3))
    def look_payment_up(self, number):
        payment = self.some_payment(number)
        if payment is not None:
            self.press("", payment.invoice, lambda: look_up_payment(payment.pk, by=self.desk.handler))

    @rule(is_on=st.booleans())
    def prefer(self, is_on):
        change_preferences(self.desk.client.pk, by=self.manager, submits_authorized_ach=is_on)

    def some_payment(self, number):
        ours = Payment.objects.filter(invoice__client=self.desk.client).select_related("invoice").order_by("pk")
        return ours[number % len(ours)] if ours else None

    def press(self, button, invoice, act):
        try:
            act()
        except Refusal:
            return
        self.tell(button, invoice)

    def tell(self, button, invoice):
        if button:
            self.desk.answers.append(Answer(button, self.desk.client.slug, invoice.number, is_yes=True))

    # Workers -------------------------------------------------------------------------------------------------------

    @rule(number=NUMBERS)
    def claim(self, number):
        connection = Connection.objects.select_related("client").get(pk=self.desk.connection.pk)
        worker = self.workers[number]
        worker.jobs += delivery.claim(connection, worker.connector, 2)

    @rule(number=NUMBERS)
    def call(self, number):
        self.workers[number].call()

    @rule(number=NUMBERS)
    def report(self, number):
        self.workers[number].report()

    @rule(number=NUMBERS)
    def deliver(self, number):
        self.claim(number)
        while self.workers[number].jobs:
            self.workers[number].call()
        self.workers[number].report()

    @rule(number=NUMBERS)
    def die(self, number):
        self.workers[number].die()
        delivery.sweep(self.desk.client.pk, clock.now())

    @rule()
    def drain(self):
        self.desk.drain()

    # The ERP and time ----------------------------------------------------------------------------------------------

    @rule(
        fault=st.sampled_from(
            (
                {"lose_answers": 1},
                {"drop_before_saving": 1},
                {"html_in_200": 1},
                {"status": 429, "times": 1},
                {"status": 500, "times": 1},
                {"down": True, "times": 3},
            )
        )
    )
    def turn_erp(self, fault):
        self.erp.faults(**fault)

    @rule(turn=st.sampled_from(("close", "open", "open")))
    def turn_period(self, turn):
        self.erp.ask("POST", f"/periods/{MONTH}/{turn}/", {"company": self.desk.connection.company})

    @rule()
    def wait_for_the_next_try(self):
        self.desk.let_pass("not_before")
        self.desk.end_pause()

    @rule()
    def wait_an_hour(self):
        self.pass_time(HOUR)

    def pass_time(self, span):
        ours = IntegrationMessage.objects.filter(client=self.desk.client)
        for name in ("not_before", "lease_until", "doubtful_until"):
            ours.filter(**{f"{name}__isnull": False}).update(**{name: F(name) - span})
        connection = Connection.objects.filter(pk=self.desk.connection.pk)
        for name in ("breaker_until", "drain_until"):
            connection.filter(**{f"{name}__isnull": False}).update(**{name: F(name) - span})
        Evidence.objects.filter(invoice__client=self.desk.client).update(asked_at=F("asked_at") - span)
        for worker in self.workers:
            worker.grow_older(span)

    # The end -------------------------------------------------------------------------------------------------------

    def teardown(self):
        if not hasattr(self, "desk"):
            return
        self.erp.faults()
        self.turn_period("open")
        for worker in self.workers:
            worker.die()
            worker.connector.close()
        self.settle_dust()
        self.desk.assert_holds()

    def settle_dust(self):
        for _round in range(ROUNDS_UNTIL_SETTLED):
            self.pass_time(HOUR)
            self.desk.drain()
            if not IntegrationMessage.objects.open().filter(client=self.desk.client, not_before__isnull=False).exists():
                return
        raise AssertionError("Messages are open after twelve hours.")
