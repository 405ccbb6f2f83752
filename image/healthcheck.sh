#!/bin/sh
# Healthy means that the server accepts connections over TCP. The socket answers during recovery and initialization too.
exec pg_isready --quiet --host=127.0.0.1 --port=5432 --timeout=3
