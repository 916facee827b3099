"""Work for later: jobs that a use case writes in its own transaction, and the queue that workers take them from."""
