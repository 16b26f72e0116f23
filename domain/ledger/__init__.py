"""What makes a history provable: leaves, tree, tiles, proofs, checkpoints. Standard library only.

Positions count events from 1 without gaps; the leaf of position p has the index p - 1, so that a tree of
size n holds the positions 1 to n.
"""
