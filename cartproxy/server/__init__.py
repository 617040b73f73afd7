"""The gunicorn worker: a greenlet for each connection, and an end to its patience."""
