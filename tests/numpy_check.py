#!/usr/bin/python3
"""Reads an NPZ with numpy, prints what numpy sees, and writes it back by numpy in every way.

usage: numpy_check.py IN.npz OUT_FOLDER
Prints a line for each array: name, dtype, shape, then the values as Python prints them. Leaves in OUT_FOLDER:
stored.npz (numpy.savez), packed.npz (numpy.savez_compressed), and <name>.npy (numpy.save) for each array.
"""
import pathlib
import sys

import numpy


def main() -> None:
    source, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    with numpy.load(source, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for name in sorted(arrays):
        array = arrays[name]
        print(name, array.dtype.str, array.shape, array.ravel().tolist())
    numpy.savez(folder / "stored.npz", **arrays)
    numpy.savez_compressed(folder / "packed.npz", **arrays)
    for name, array in arrays.items():
        numpy.save(folder / f"{name}.npy", array)
    numpy.save(folder / "refused_fortran.npy", numpy.asfortranarray(numpy.ones((2, 3))))
    numpy.save(folder / "refused_object.npy", numpy.array([{}], dtype=object))
    numpy.save(folder / "refused_big_endian.npy", numpy.ones(2, dtype=">f8"))
    numpy.save(folder / "refused_complex.npy", numpy.ones(2, dtype=complex))
    numpy.save(folder / "refused_record.npy", numpy.zeros(2, dtype=[("a", "<f8")]))


if __name__ == "__main__":
    main()
