"""A whole shop on one machine, for development and tests: real PostgreSQL, real Valkey, a Stripe emulator, our own API.

    ./run up ─→ bootstrap ─→ cartograph up ─→ up ─→ supervisor ─→ postgres, valkey, emulator, worker, API
                                              └──→ folders, stack_file          └─→ watchdog

The servers are programs out of wheels, in processes of their own: no container, no package manager, no right to
install anything. `Supervisor`, `PostgresServer` and `ValkeyServer` serve the tests as well as `up`.
"""
