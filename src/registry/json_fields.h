// Checked reading of the registry's small JSON objects.
//
// The objects come from a bucket that people and other programs write too, so nothing in them is trusted: the
// text is bounded before it is parsed, every field is checked for presence and type, and what is wrong is an
// InputError that names object and field. The header keeps nlohmann-json out of the includes of others. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace drst {

/// No metrics, flag or event of ours comes near this.
inline constexpr std::size_t max_json_bytes = std::size_t{4} << 20;

class JsonFields {
 public:
  /// InputError if `text` is not one JSON object. `source` names it in every error.
  JsonFields(std::string_view text, std::string source);
  ~JsonFields();
  JsonFields(JsonFields&&) noexcept;
  JsonFields& operator=(JsonFields&&) noexcept;
  JsonFields(const JsonFields&) = delete;
  JsonFields& operator=(const JsonFields&) = delete;

  [[nodiscard]] bool has(const char* key) const;
  // Each throws InputError if the field is missing or of another type.
  [[nodiscard]] std::string text(const char* key) const;
  [[nodiscard]] int64_t integer(const char* key) const;
  [[nodiscard]] uint64_t count(const char* key) const;  ///< a whole number of at least 0
  [[nodiscard]] double number(const char* key) const;   ///< null: NaN (JSON has no word for it)
  [[nodiscard]] bool boolean(const char* key) const;
  [[nodiscard]] Time time(const char* key) const;
  [[nodiscard]] std::vector<std::string> texts(const char* key) const;
  [[nodiscard]] std::vector<int64_t> integers(const char* key) const;
  [[nodiscard]] std::map<std::string, std::string> text_map(const char* key) const;
  [[nodiscard]] std::map<std::string, double> number_map(const char* key) const;
  [[nodiscard]] std::vector<JsonFields> objects(const char* key) const;
  // The same for fields that may be absent.
  [[nodiscard]] std::string text_or(const char* key, const std::string& otherwise) const;
  [[nodiscard]] double number_or(const char* key, double otherwise) const;
  [[nodiscard]] int64_t integer_or(const char* key, int64_t otherwise) const;

  /// An InputError about this object.
  [[noreturn]] void wrong(const std::string& what) const;

 private:
  JsonFields(std::unique_ptr<nlohmann::json> object, std::string source);
  [[nodiscard]] const nlohmann::json& field(const char* key) const;

  std::unique_ptr<nlohmann::json> object_;
  std::string source_;
};

/// One line of JSON and a final newline; bytes that are not UTF-8 are replaced, never thrown over.
std::string write_json(const nlohmann::ordered_json& object);

}  // namespace drst
