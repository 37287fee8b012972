"""Halo2 proofs of a decision, verified with the standard library alone.

The protocol is that of zcash ``halo2_proofs`` 0.3: PLONKish circuits, the inner product argument
over the Pasta curves, BLAKE2b transcripts. Modules carry the names of the sections of the halo2
book (https://zcash.github.io/halo2/) that they implement. Nothing here is constant-time: a
verifier holds no secret.
"""
