"""The worker's REST interface: Kafka Connect's, to the letter, over any `Herder`.

http.py       request, answer, and the error that carries a status
routing.py    which handler answers a path and verb; what HEAD, OPTIONS, 404, 405, 406 and 415 look like
bodies.py     what clients send: JSON with the text of numbers kept
views.py      what clients get: the JSON shapes of the herder's answers
resources/    the handlers, one file per family of paths
headers.py    CORS and the configured extra headers
auth.py       HTTP Basic, when its extension class is configured
app.py        all of it as one ASGI application
server.py     listeners, and the server that runs on the worker's loop
"""
