"""Prints the first secret that the keyring has for a service and one of several users, as JSON, or nothing."""

import json
import sys

try:
    import keyring
except ImportError:
    sys.exit(77)


def find(service, user):
    if user:
        return user, keyring.get_password(service, user)
    found = keyring.get_credential(service, None)
    return (found.username, found.password) if found else (None, None)


service, *users = sys.argv[1:]
for user in users:
    try:
        username, password = find(service, user)
    except Exception:
        # Like the command: a failure means that there is no secret.
        continue
    if username and password:
        print(json.dumps({"username": username, "password": password}))
        break
