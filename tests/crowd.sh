#!/bin/sh
# test_hostile_clients with a crowd of full size: 1,000 clients of each kind that do nothing, half of
# them half-closed, in the clear and over TLS; it says what they cost. crowd.sh BUILD [OF_EACH_KIND]
set -eu
CERTSTREAM_CROWD=${2:-1000} exec "$1/tests/e2e/test_hostile_clients"
