#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Compiles the C programs of the measurements into $SCRATCH/peerbin.
. "$(dirname "$0")/env.sh"
set -e
cd "$PEERS"
gcc -O2 -o "$BIN/loadgen" tools/loadgen.c -lcrypto
gcc -O2 -o "$BIN/mhd" http/mhd.c -lmicrohttpd
