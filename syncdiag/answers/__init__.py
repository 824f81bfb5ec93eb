"""The answers: one module a question, each a function from a case to findings. They read, and change nothing."""
