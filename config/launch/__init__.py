"""From a fresh clone to a running site: `make run`.

Only the standard library is imported here, because nothing else is there yet when it starts. `__init__` and `__main__`
are also readable by an old Python, so that it can say that it is too old.
"""
