"""The top floor: settings, addresses, the API's mount, servers and the command line."""
