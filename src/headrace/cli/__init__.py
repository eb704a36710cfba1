"""The command `headrace`.

    main.py            the root command; loads each group only when it is asked for
    exits.py           exit codes, one per kind of error
    connectors.py …    one module per group of commands; they call headrace.client and print
    check.py           what `config check` says of each key (pure); config.py gathers the facts and prints

click, rich and httpx are loaded where they are needed only: `headrace standalone` runs for months and needs none but click.
"""
