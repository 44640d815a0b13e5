// NPY and NPZ, the formats of numpy (numpy.lib.format, version 1.0; NPZ is a ZIP of NPY members, by libzip).
//
// An `Array` is typed, C-ordered, little-endian. Reading checks magic, dtype, shape against size, and bounds
// on every length before anything is allocated; pickled and Fortran-ordered arrays are refused. Text columns
// are numpy's `<U` (UCS-4).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace drst {

struct Array {
  std::vector<std::size_t> shape;
  std::variant<std::vector<float>, std::vector<double>, std::vector<int32_t>, std::vector<int64_t>,
               std::vector<std::string>>
      data;

  [[nodiscard]] std::size_t elements() const;
  static Array of(std::vector<float> values);
  static Array of(std::vector<double> values);
  static Array of(std::vector<int32_t> values);
  static Array of(std::vector<int64_t> values);
  static Array of(std::vector<std::string> values);
  static Array matrix(std::vector<float> values, std::size_t rows, std::size_t columns);
};

/// The bytes of one .npy file. InputError if shape and data disagree.
std::string to_npy(const Array& array);
Array parse_npy(std::string_view bytes, const std::string& source,
                std::uint64_t max_bytes = std::uint64_t{1} << 32);

/// The bytes of one .npz file, members in name order, deflated where it helps, no time stamps (same content,
/// same bytes).
std::string to_npz(const std::map<std::string, Array>& members);
std::map<std::string, Array> parse_npz(std::string_view bytes, const std::string& source,
                                       std::uint64_t max_bytes = std::uint64_t{1} << 32);

}  // namespace drst
