"""Clients for what headrace steers from outside: the Connect REST interface of any cluster."""
