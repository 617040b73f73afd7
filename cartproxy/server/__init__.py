"""The gunicorn worker: a greenlet for each connection, with deadlines for its client."""
