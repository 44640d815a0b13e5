// The head of an NPY file: magic, version, length, and a Python dictionary that is parsed here as the three
// keys it must hold and nothing more (numpy evaluates it; we must not). Internal to this room.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace drst::detail {

struct NpyHeader {
  std::string type;  ///< "<f8"
  std::vector<std::size_t> shape;
  std::size_t size = 0;  ///< bytes before the values
};

/// Version 1.0, padded so that the values begin at a multiple of 64 bytes.
std::string npy_header(const std::string& type, const std::vector<std::size_t>& shape);
/// Versions 1 to 3. InputError on anything odd, Fortran order included.
NpyHeader parse_npy_header(std::string_view bytes, const std::string& source);
/// As Python prints it: "(3, 4)", "(3,)".
std::string shape_text(const std::vector<std::size_t>& shape);

}  // namespace drst::detail
