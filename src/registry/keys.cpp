#include "registry/keys.h"

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"
#include "registry/json_fields.h"

namespace drst {

namespace {
constexpr std::uint64_t max_pointer_bytes = 4096;  // two keys

/// Nothing but a key of the wanted kind may be followed: a pointer is the one object that anybody may
/// overwrite.
std::string wrong_key(std::string_view key, std::string_view prefix, std::string_view suffix) {
  try {
    check_key(std::string(key));
  } catch (const InputError& error) {
    return error.what();
  }
  if (!key.starts_with(prefix) || !key.ends_with(suffix) || key.size() <= prefix.size() + suffix.size())
    return "'" + std::string(key) + "' is not of the form " + std::string(prefix) + "<timestamp>" +
           std::string(suffix);
  return {};
}
}  // namespace

Result<Pointer> parse_pointer(std::string_view text, const std::string& source) {
  const auto fail = [&](const std::string& what) {
    return failure(source + ": " + what + "; it must hold two lines, a model key and a metrics key");
  };
  if (text.find('\r') != std::string_view::npos)
    return fail("has carriage returns (saved with Windows line ends?)");
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  if (lines.size() != 2)
    return fail("has " + to_text(lines.size()) + (lines.size() == 1 ? " line" : " lines"));
  if (const auto wrong = wrong_key(lines[0], keys::model_prefix, ".onnx"); !wrong.empty())
    return fail("line 1: " + wrong);
  if (const auto wrong = wrong_key(lines[1], keys::metrics_prefix, ".json"); !wrong.empty())
    return fail("line 2: " + wrong);
  return Pointer{std::string(lines[0]), std::string(lines[1])};
}

std::string to_text(const Pointer& pointer) { return pointer.model_key + "\n" + pointer.metrics_key + "\n"; }

std::string release_timestamp(const std::string& model_key) {
  const std::string_view prefix = keys::model_prefix;
  if (!wrong_key(model_key, prefix, ".onnx").empty()) return model_key;
  return model_key.substr(prefix.size(), model_key.size() - prefix.size() - 5);
}

namespace keys {

std::string part(const std::string& name) {
  constexpr std::size_t longest = 48;  // a file name of 255 bytes holds three, with their hashes
  std::string part;
  for (const char c : name.substr(0, longest)) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '.';
    part += fine ? c : '_';
  }
  const bool dots_only = part.find_first_not_of('.') == std::string::npos;
  return part == name && !dots_only ? part : part + "-h" + to_text(fnv1a(name));
}

std::string model(Time created) { return model_prefix + to_compact(created) + ".onnx"; }
std::string metrics(Time created) { return metrics_prefix + to_compact(created) + ".json"; }

std::optional<Time> time_of(const std::string& key) {
  std::string_view text = key;
  bool ours = false;
  for (const std::string_view prefix : {model_prefix, metrics_prefix, audit_prefix}) {
    if (!text.starts_with(prefix)) continue;
    text.remove_prefix(prefix.size());
    ours = true;
    break;
  }
  constexpr std::size_t length = 22;  // 20260101T000000123456Z
  if (!ours || text.size() < length || text[8] != 'T' || text[21] != 'Z') return std::nullopt;
  std::string iso(text.substr(0, 4));
  iso.append("-").append(text.substr(4, 2)).append("-").append(text.substr(6, 2)).append("T");
  iso.append(text.substr(9, 2)).append(":").append(text.substr(11, 2)).append(":").append(text.substr(13, 2));
  iso.append(".").append(text.substr(15, 6)).append("Z");
  return from_iso8601(iso);
}

Result<std::optional<Pointer>> read_pointer(ObjectStore& store, const std::string& key) {
  try {
    const auto text = store.get(key, max_pointer_bytes);
    if (!text) return std::optional<Pointer>();
    auto parsed = parse_pointer(*text, key);
    if (!parsed) return tl::unexpected(parsed.error());
    return std::optional<Pointer>(std::move(*parsed));
  } catch (const Error& error) {
    return failure(key + ": " + error.what());
  }
}

std::vector<std::string> audit_keys(ObjectStore& store) {
  auto keys = store.list(audit_prefix);
  std::erase_if(keys, [](const std::string& key) { return !key.ends_with(".json"); });
  return keys;
}

Result<Registry::AuditLine> read_audit(ObjectStore& store, const std::string& key) {
  try {
    const auto text = store.get(key, max_json_bytes);
    if (!text) return failure(key + ": no such object in " + store.url());
    const JsonFields fields(*text, key);
    return Registry::AuditLine{fields.time("when"), fields.text("actor"), fields.text("reason"),
                               fields.text("from"), fields.text("to")};
  } catch (const Error& error) {
    return failure(error.what());
  }
}

}  // namespace keys
}  // namespace drst
