"""The five packages together, against real servers on 127.0.0.1.

`servers/` holds the servers, `worlds.py` runs one program with both clients, `conftest.py` ties them to pytest.
No test needs a network. Missing servers are a failure where `CI` is set and a skip elsewhere.
"""
