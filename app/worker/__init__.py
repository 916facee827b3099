"""The background worker: what has to happen without anybody asking."""
