"""What every test has: the cast, and a database that can be cleaned. The servers come from `config.testing`."""

pytest_plugins = ["tests.cast", "tests.append_only_flush", "tests.browser", "tests.product", "tests.quick_settings"]
