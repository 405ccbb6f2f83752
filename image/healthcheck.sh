#!/bin/sh
# Healthy means: accepts connections over TCP, as a client does. The socket alone answers during recovery and set-up too.
exec pg_isready --quiet --host=127.0.0.1 --port=5432 --timeout=3
