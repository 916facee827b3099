"""A stand-in for the part of Stripe's API that a shop's server uses, as a process of its own.

    python -m app.devstack.stripe_emulator --port 12111 --ledger stripe.jsonl \\
        --webhook-url http://127.0.0.1:8000/webhooks/stripe --webhook-secret whsec_...

A request runs through `api`, which finds its operation in `operations`; an operation reads and stages records through
`changes`, and `store` writes what it staged as one line of the `journal`. So a killed emulator loses nothing that it
answered, and a started one knows every payment it ever took.

What sets it apart from a mock: its declines, idempotency keys and webhooks behave as Stripe's do, it can be told to
fail before, during and after it executes a request (`faults`, `webhook_faults`), and it keeps a ledger of every
movement of money (`ledger`) that does not depend on what the shop believes. `limits` says what it leaves out.
"""
