#!/bin/sh
# tests/debian13.sh [FOLDER [CTEST...]]: tests/debian.sh for Debian 13.
exec "$(dirname "$0")/debian.sh" 13 "$@"
