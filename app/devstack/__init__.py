"""A whole shop on one machine, for development and tests: real PostgreSQL, real Valkey, a Stripe emulator, our own API.

    ./run → bootstrap → installation         Python and nothing else → .venv
              └→ app.cli → up → stack        the servers of one data folder (folders, stack_file, environment)
                                  └→ postgres, valkey → supervisor → watchdog

The servers are programs out of wheels, in processes of their own: no container, no package manager, no right to
install anything. Tests use the same servers:

    with Supervisor() as supervisor:
        postgres = PostgresServer(supervisor, folder / "postgres", durable=False)
        postgres.start()
        postgres.create_database("shop")
        valkey = ValkeyServer(supervisor, folder / "valkey")
        valkey.start()
        run_tests(postgres.url("shop"), valkey.url)

`start` returns when the server answers; ports are picked inside. Everything ends with the `with` block, or with the
process, also by `kill -9`. Failures are `StackError`: one line with cause and fix.
"""
