#include "table/npy_header.h"

#include <charconv>

#include "base/error.h"
#include "base/text.h"

namespace drst::detail {

namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t max_dimensions = 32;  // numpy's own limit
constexpr std::size_t max_header = 64 * 1024;

class DictionaryParser {
 public:
  DictionaryParser(std::string_view text, const std::string& source) : text_(text), source_(source) {}

  NpyHeader parse() {
    NpyHeader header;
    bool has_type = false;
    bool has_order = false;
    bool has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !has_type) {
        has_type = true;
        header.type = type();
      } else if (key == "fortran_order" && !has_order) {
        has_order = true;
        order();
      } else if (key == "shape" && !has_shape) {
        has_shape = true;
        header.shape = shape();
      } else {
        refuse();
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    blanks();
    if (!text_.empty() || !has_type || !has_order || !has_shape) refuse();
    return header;
  }

 private:
  [[noreturn]] void refuse() const {
    throw InputError(source_ + ": the NPY header is not one that numpy writes");
  }
  void blanks() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n')) text_.remove_prefix(1);
  }
  bool accept(char c) {
    blanks();
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) refuse();
  }
  bool accept(std::string_view word) {
    blanks();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  std::string quoted() {
    blanks();
    if (text_.empty() || (text_.front() != '\'' && text_.front() != '"')) refuse();
    const auto end = text_.find(text_.front(), 1);
    if (end == std::string_view::npos) refuse();
    std::string value(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return value;
  }
  std::string type() {
    blanks();
    if (text_.starts_with('['))
      throw InputError(source_ + ": structured arrays are not read; save one array a column");
    return quoted();
  }
  void order() {
    if (accept("True"))
      throw InputError(source_ + ": the array is in Fortran order; save numpy.ascontiguousarray(a) instead");
    if (!accept("False")) refuse();
  }
  std::vector<std::size_t> shape() {
    std::vector<std::size_t> extents;
    expect('(');
    while (!accept(')')) {
      blanks();
      std::size_t extent = 0;
      const auto [end, code] = std::from_chars(text_.data(), text_.data() + text_.size(), extent);
      if (code != std::errc() || extents.size() == max_dimensions) refuse();
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      extents.push_back(extent);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return extents;
  }

  std::string_view text_;
  const std::string& source_;
};

}  // namespace

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + to_text(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

std::string npy_header(const std::string& type, const std::vector<std::size_t>& shape) {
  std::string dictionary =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape_text(shape) + ", }";
  constexpr std::size_t fixed = 10;  // magic, version, length
  constexpr std::size_t alignment = 64;
  const std::size_t unpadded = fixed + dictionary.size() + 1;
  dictionary.append((alignment - unpadded % alignment) % alignment, ' ');
  dictionary += '\n';
  if (dictionary.size() > 0xFFFF)
    throw InputError("an array of " + to_text(shape.size()) + " dimensions cannot be written as NPY");
  std::string header(magic);
  header += '\x01';
  header += '\x00';
  header += static_cast<char>(dictionary.size() & 0xFF);
  header += static_cast<char>(dictionary.size() >> 8);
  return header + dictionary;
}

NpyHeader parse_npy_header(std::string_view bytes, const std::string& source) {
  if (!bytes.starts_with(magic))
    throw InputError(source + ": this is not an NPY file (it does not begin with \\x93NUMPY)");
  const auto byte = [&](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at]));
  };
  if (bytes.size() < 10) throw InputError(source + ": the NPY file is cut short in its header");
  const std::size_t version = byte(6);
  if (version < 1 || version > 3)
    throw InputError(source + ": NPY version " + to_text(version) + " is not known; 1 to 3 are");
  const std::size_t prefix = version == 1 ? 10 : 12;
  if (bytes.size() < prefix) throw InputError(source + ": the NPY file is cut short in its header");
  std::size_t length = byte(8) | byte(9) << 8;
  if (version > 1) length |= byte(10) << 16 | byte(11) << 24;
  if (length > max_header || length > bytes.size() - prefix)
    throw InputError(source + ": the NPY header claims " + to_text(length) +
                     " bytes; the file is damaged or cut short");
  NpyHeader header = DictionaryParser(bytes.substr(prefix, length), source).parse();
  header.size = prefix + length;
  return header;
}

}  // namespace drst::detail
