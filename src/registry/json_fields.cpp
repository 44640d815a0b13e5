#include "registry/json_fields.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace drst {

namespace {
std::unique_ptr<nlohmann::json> parse_object(std::string_view text, const std::string& source) {
  if (text.size() > max_json_bytes)
    throw InputError(source + ": " + to_text(text.size()) +
                     " bytes are too many for a JSON object of ours (at most " + to_text(max_json_bytes) +
                     ")");
  if (trim(text).empty()) throw InputError(source + ": the object is empty");
  auto parsed =
      std::make_unique<nlohmann::json>(nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false));
  if (parsed->is_discarded()) throw InputError(source + ": not valid JSON (cut short or overwritten?)");
  if (!parsed->is_object()) throw InputError(source + ": must be one JSON object");
  return parsed;
}
}  // namespace

JsonFields::JsonFields(std::string_view text, std::string source)
    : object_(parse_object(text, source)), source_(std::move(source)) {}

JsonFields::JsonFields(std::unique_ptr<nlohmann::json> object, std::string source)
    : object_(std::move(object)), source_(std::move(source)) {
  if (!object_->is_object()) wrong("must be a JSON object");
}

JsonFields::~JsonFields() = default;
JsonFields::JsonFields(JsonFields&&) noexcept = default;
JsonFields& JsonFields::operator=(JsonFields&&) noexcept = default;

void JsonFields::wrong(const std::string& what) const { throw InputError(source_ + ": " + what); }

bool JsonFields::has(const char* key) const { return object_->contains(key); }

const nlohmann::json& JsonFields::field(const char* key) const {
  const auto found = object_->find(key);
  if (found == object_->end()) wrong("'" + std::string(key) + "' is missing");
  return *found;
}

std::string JsonFields::text(const char* key) const {
  const auto& value = field(key);
  if (!value.is_string()) wrong("'" + std::string(key) + "' must be a text");
  return value.get<std::string>();
}

int64_t JsonFields::integer(const char* key) const {
  const auto& value = field(key);
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() &&
       value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())))
    wrong("'" + std::string(key) + "' must be a whole number of at most 63 bits");
  return value.get<int64_t>();
}

uint64_t JsonFields::count(const char* key) const {
  const auto& value = field(key);
  if (!value.is_number_unsigned() && !(value.is_number_integer() && value.get<int64_t>() >= 0))
    wrong("'" + std::string(key) + "' must be a whole number of at least 0");
  return value.get<uint64_t>();
}

double JsonFields::number(const char* key) const {
  const auto& value = field(key);
  if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (!value.is_number()) wrong("'" + std::string(key) + "' must be a number or null");
  return value.get<double>();
}

bool JsonFields::boolean(const char* key) const {
  const auto& value = field(key);
  if (!value.is_boolean()) wrong("'" + std::string(key) + "' must be true or false");
  return value.get<bool>();
}

Time JsonFields::time(const char* key) const {
  const auto parsed = from_iso8601(text(key));
  if (!parsed) wrong("'" + std::string(key) + "' must be a UTC time like 2026-01-01T00:00:00.000000Z");
  return *parsed;
}

std::vector<std::string> JsonFields::texts(const char* key) const {
  const auto& list = field(key);
  if (!list.is_array()) wrong("'" + std::string(key) + "' must be a list of texts");
  std::vector<std::string> all;
  for (const auto& element : list) {
    if (!element.is_string()) wrong("'" + std::string(key) + "' must hold texts only");
    all.push_back(element.get<std::string>());
  }
  return all;
}

std::vector<int64_t> JsonFields::integers(const char* key) const {
  const auto& list = field(key);
  if (!list.is_array()) wrong("'" + std::string(key) + "' must be a list of whole numbers");
  std::vector<int64_t> all;
  for (const auto& element : list) {
    if (!element.is_number_integer()) wrong("'" + std::string(key) + "' must hold whole numbers only");
    all.push_back(element.get<int64_t>());
  }
  return all;
}

std::map<std::string, std::string> JsonFields::text_map(const char* key) const {
  const auto& map = field(key);
  if (!map.is_object()) wrong("'" + std::string(key) + "' must be an object of texts");
  std::map<std::string, std::string> all;
  for (const auto& [name, value] : map.items()) {
    if (!value.is_string()) wrong("'" + std::string(key) + "." + name + "' must be a text");
    all[name] = value.get<std::string>();
  }
  return all;
}

std::map<std::string, double> JsonFields::number_map(const char* key) const {
  const auto& map = field(key);
  if (!map.is_object()) wrong("'" + std::string(key) + "' must be an object of numbers");
  std::map<std::string, double> all;
  for (const auto& [name, value] : map.items()) {
    if (!value.is_number() && !value.is_null())
      wrong("'" + std::string(key) + "." + name + "' must be a number or null");
    all[name] = value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
  }
  return all;
}

std::vector<JsonFields> JsonFields::objects(const char* key) const {
  const auto& list = field(key);
  if (!list.is_array()) wrong("'" + std::string(key) + "' must be a list of objects");
  std::vector<JsonFields> all;
  for (const auto& element : list)
    all.push_back(JsonFields(std::make_unique<nlohmann::json>(element), source_ + ": '" + key + "'"));
  return all;
}

std::string JsonFields::text_or(const char* key, const std::string& otherwise) const {
  return has(key) ? text(key) : otherwise;
}
double JsonFields::number_or(const char* key, double otherwise) const {
  return has(key) ? number(key) : otherwise;
}
int64_t JsonFields::integer_or(const char* key, int64_t otherwise) const {
  return has(key) ? integer(key) : otherwise;
}

std::string write_json(const nlohmann::ordered_json& object) {
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace drst
