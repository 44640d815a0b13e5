#include "base/settings.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX asks the program to declare it

namespace drst {

namespace {

/// 1000000, not 1e+06.
std::string bound_text(double bound) {
  constexpr double largest = 1e15;
  return bound == std::floor(bound) && std::abs(bound) < largest ? to_text(static_cast<int64_t>(bound))
                                                                 : to_text(bound);
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {  // TOML takes no raw control characters
      out += "\\u00";
      out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
      out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string value_text(bool value) { return value ? "true" : "false"; }
std::string value_text(int64_t value) { return to_text(value); }
std::string value_text(double value) {
  std::string text = to_text(value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}
std::string value_text(const std::string& value) { return quote(value); }
template <class T>
std::string value_text(const std::vector<T>& values) {
  std::vector<std::string> parts;
  parts.reserve(values.size());
  for (const auto& value : values) parts.push_back(value_text(value));
  return "[" + join(parts) + "]";
}
std::string value_text(const std::map<std::string, std::string>& values) {
  std::vector<std::string> parts;
  parts.reserve(values.size());
  for (const auto& [name, value] : values) parts.push_back(quote(name) + " = " + quote(value));
  return parts.empty() ? "{}" : "{ " + join(parts) + " }";
}

/// Reads one TOML node into the setting of one key; every complaint names its source.
class Assigner final : public SettingsVisitor {
 public:
  /// `bare`: what a person typed, for settings that are texts: `--set run.name=2026` means the text "2026".
  Assigner(std::string_view key, const toml::node& node, std::string where,
           std::optional<std::string> bare = {})
      : key_(key), node_(node), where_(std::move(where)), bare_(std::move(bare)) {}
  [[nodiscard]] bool found() const { return found_; }

  void visit(std::string_view key, bool& value, const SettingNote&) override {
    if (!mine(key)) return;
    if (const auto v = node_.value_exact<bool>()) {
      value = *v;
    } else {
      wrong("true or false");
    }
  }
  void visit(std::string_view key, int64_t& value, const SettingNote& note) override {
    if (mine(key)) value = integer(node_, note);
  }
  void visit(std::string_view key, double& value, const SettingNote& note) override {
    if (mine(key)) value = number(node_, note);
  }
  void visit(std::string_view key, std::string& value, const SettingNote& note) override {
    if (!mine(key)) return;
    auto wanted = bare_ && !node_.is_string() ? *bare_ : text(node_);
    check_choice(wanted, note);
    value = std::move(wanted);
  }
  void visit(std::string_view key, std::vector<int64_t>& value, const SettingNote& note) override {
    if (mine(key)) value = list<int64_t>(node_, [&](const toml::node& n) { return integer(n, note); });
  }
  void visit(std::string_view key, std::vector<double>& value, const SettingNote& note) override {
    if (mine(key)) value = list<double>(node_, [&](const toml::node& n) { return number(n, note); });
  }
  void visit(std::string_view key, std::vector<std::string>& value, const SettingNote& note) override {
    if (!mine(key)) return;
    value = list<std::string>(node_, [&](const toml::node& n) {
      auto one = text(n);
      check_choice(one, note);
      return one;
    });
  }
  void visit(std::string_view key, std::vector<std::vector<int64_t>>& value,
             const SettingNote& note) override {
    if (!mine(key)) return;
    value = list<std::vector<int64_t>>(node_, [&](const toml::node& inner) {
      return list<int64_t>(inner, [&](const toml::node& n) { return integer(n, note); });
    });
  }
  void visit(std::string_view key, std::map<std::string, std::string>& value, const SettingNote&) override {
    if (key == key_) {
      found_ = true;
      if (node_.as_table() == nullptr) wrong("a table of names and values");
      add_all("", *node_.as_table(), value);
    } else if (key_.starts_with(std::string(key) + ".") && key_.size() > key.size() + 1) {
      found_ = true;  // --set section.key.name=value
      add(key_.substr(key.size() + 1), node_, value);
    }
  }

 private:
  using Names = std::map<std::string, std::string>;
  void add_all(const std::string& prefix, const toml::table& table, Names& names) const {
    for (const auto& [name, node] : table) add(prefix + std::string(name.str()), node, names);
  }
  void add(const std::string& name, const toml::node& node, Names& names) const {
    if (const auto* table = node.as_table()) return add_all(name + ".", *table, names);
    if (bare_ && !node.is_string()) {
      names[name] = *bare_;
    } else if (const auto as_text = node.value_exact<std::string>()) {
      names[name] = *as_text;
    } else if (const auto as_bool = node.value_exact<bool>()) {
      names[name] = *as_bool ? "true" : "false";
    } else if (const auto as_integer = node.value_exact<int64_t>()) {
      names[name] = to_text(*as_integer);
    } else if (const auto as_double = node.value_exact<double>()) {
      names[name] = to_text(*as_double);
    } else {
      throw InputError(where_ + ": '" + name + "' must be a text, a number, true or false");
    }
  }
  bool mine(std::string_view key) {
    if (key != key_) return false;
    found_ = true;
    return true;
  }
  [[noreturn]] void wrong(const std::string& wanted) const {
    throw InputError(where_ + ": '" + key_ + "' must be " + wanted);
  }
  void check_range(double value, const SettingNote& note) const {
    if (!(value >= note.minimum && value <= note.maximum))
      wrong("between " + bound_text(note.minimum) + " and " + bound_text(note.maximum) + ", not " +
            to_text(value));
  }
  void check_choice(const std::string& value, const SettingNote& note) const {
    if (note.choices.empty()) return;
    for (const auto& choice : note.choices)
      if (choice == value) return;
    wrong("one of " + join(note.choices) + ", not '" + value + "'");
  }
  int64_t integer(const toml::node& node, const SettingNote& note) const {
    const auto v = node.value_exact<int64_t>();
    if (!v) wrong("a whole number");
    check_range(static_cast<double>(*v), note);
    return *v;
  }
  double number(const toml::node& node, const SettingNote& note) const {
    double value = 0;
    if (const auto f = node.value_exact<double>()) {
      value = *f;
    } else if (const auto i = node.value_exact<int64_t>()) {
      value = static_cast<double>(*i);
    } else {
      wrong("a number");
    }
    check_range(value, note);
    return value;
  }
  std::string text(const toml::node& node) const {
    const auto v = node.value_exact<std::string>();
    if (!v) wrong("a text in quotes");
    return *v;
  }
  template <class T, class Read>
  std::vector<T> list(const toml::node& node, const Read& read) const {
    const auto* array = node.as_array();
    if (array == nullptr) wrong("a list in [ ]");
    std::vector<T> values;
    for (const auto& element : *array) values.push_back(read(element));
    return values;
  }

  std::string key_;
  const toml::node& node_;
  std::string where_;
  std::optional<std::string> bare_;
  bool found_ = false;
};

/// Calls `action(key, value as TOML text, note)` for each setting.
class Printer final : public SettingsVisitor {
 public:
  using Action = std::function<void(std::string_view, const std::string&, const SettingNote&)>;
  /// `as_tables`: names of others as the rows of a table, behind table_mark.
  explicit Printer(Action action, bool as_tables = false)
      : action_(std::move(action)), as_tables_(as_tables) {}
  void visit(std::string_view k, bool& v, const SettingNote& n) override { action_(k, value_text(v), n); }
  void visit(std::string_view k, int64_t& v, const SettingNote& n) override { action_(k, value_text(v), n); }
  void visit(std::string_view k, double& v, const SettingNote& n) override { action_(k, value_text(v), n); }
  void visit(std::string_view k, std::string& v, const SettingNote& n) override {
    action_(k, value_text(v), n);
  }
  void visit(std::string_view k, std::vector<int64_t>& v, const SettingNote& n) override {
    action_(k, value_text(v), n);
  }
  void visit(std::string_view k, std::vector<double>& v, const SettingNote& n) override {
    action_(k, value_text(v), n);
  }
  void visit(std::string_view k, std::vector<std::string>& v, const SettingNote& n) override {
    action_(k, value_text(v), n);
  }
  void visit(std::string_view k, std::vector<std::vector<int64_t>>& v, const SettingNote& n) override {
    action_(k, value_text(v), n);
  }
  void visit(std::string_view k, std::map<std::string, std::string>& v, const SettingNote& n) override {
    std::string rows;
    for (const auto& [name, value] : v) rows += "\n" + quote(name) + " = " + quote(value);
    action_(k, as_tables_ ? table_mark + rows : value_text(v), n);
  }

  static constexpr const char* table_mark = "\f";  // begins no TOML value

 private:
  Action action_;
  bool as_tables_;
};

std::string wrap_comment(const std::string& text, std::size_t width) {
  std::string out = "#";
  std::size_t column = 1;
  std::size_t at = 0;
  while (at < text.size()) {
    auto end = text.find(' ', at);
    if (end == std::string::npos) end = text.size();
    if (column + 1 + (end - at) > width) {
      out += "\n#";
      column = 1;
    }
    out += ' ';
    out.append(text, at, end - at);
    column += 1 + (end - at);
    at = end + 1;
  }
  return out + "\n";
}

std::string range_words(const SettingNote& note) {
  if (!note.choices.empty()) return "";  // a text has no range
  const bool low = std::isfinite(note.minimum);
  const bool high = std::isfinite(note.maximum);
  if (low && high) return " Range: " + bound_text(note.minimum) + " to " + bound_text(note.maximum) + ".";
  if (low) return " At least " + bound_text(note.minimum) + ".";
  return high ? " At most " + bound_text(note.maximum) + "." : "";
}

using Visit = std::function<void(SettingsVisitor&)>;
using Section = std::pair<std::string, Visit>;

constexpr const char* advice = " (`drst config` lists all settings)";

std::vector<std::string> keys_of(const Visit& visit_section) {
  std::vector<std::string> keys;
  Printer printer(
      [&](std::string_view key, const std::string&, const SettingNote&) { keys.emplace_back(key); });
  visit_section(printer);
  return keys;
}

const Section& find_section(const std::vector<Section>& sections, std::string_view name,
                            const std::string& where) {
  std::vector<std::string> known;
  for (const auto& section : sections) {
    if (section.first == name) return section;
    known.push_back(section.first);
  }
  throw InputError(where + ": no section [" + std::string(name) + "]" + did_you_mean(name, known) + advice);
}

void assign(const Section& section, std::string_view key, const toml::node& node, const std::string& where,
            std::optional<std::string> bare = {}) {
  Assigner assigner(key, node, where, std::move(bare));
  section.second(assigner);
  if (!assigner.found())
    throw InputError(where + ": no setting '" + std::string(key) + "' in [" + section.first + "]" +
                     did_you_mean(key, keys_of(section.second)) + advice);
}

/// Variables of the program, its scripts and its tests that are no settings; secrets are none either.
bool is_of_the_project(std::string_view variable) {
  constexpr std::string_view own[] = {"DRST_KAFKA_PASSWORD",  "DRST_KAFKA_KEY_PASSWORD",
                                      "DRST_KAFKA_TOKEN",     "DRST_DATA",
                                      "DRST_CACHE",           "DRST_PYTHON",
                                      "DRST_OFFLINE",         "DRST_BENCH",
                                      "DRST_SANITIZE",        "DRST_SIMULATIONS",
                                      "DRST_SIMULATION_SEED", "DRST_FUZZ",
                                      "DRST_NATIVE",          "DRST_TESTS"};
  return std::ranges::find(own, variable) != std::ranges::end(own);
}

std::string upper(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += c == '.' || c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

void Settings::load_file(const std::filesystem::path& path) {
  load_text(read_file(path, std::uint64_t{1} << 20), path.string());
}

void Settings::load_text(std::string_view toml_text, const std::string& source) {
  toml::table root;
  try {
    root = toml::parse(toml_text, source);
  } catch (const toml::parse_error& error) {
    throw InputError(source + ":" + to_text(static_cast<int64_t>(error.source().begin.line)) + ": " +
                     std::string(error.description()) + " (this must be TOML; see `drst config`)");
  }
  for (const auto& [name, node] : root) {
    const std::string line = source + ":" + to_text(static_cast<int64_t>(node.source().begin.line));
    const auto* table = node.as_table();
    if (table == nullptr)
      throw InputError(line + ": '" + std::string(name.str()) + "' stands outside any [section]");
    const auto& section = find_section(sections_, name.str(), line);
    for (const auto& [key, value] : *table)
      assign(section, key.str(), value,
             source + ":" + to_text(static_cast<int64_t>(value.source().begin.line)));
  }
}

void Settings::set(std::string_view assignment) { set_from("--set ", assignment); }

void Settings::set_from(const std::string& origin, std::string_view assignment) {
  const auto equals = assignment.find('=');
  const auto dot = assignment.find('.');
  if (equals == std::string_view::npos || dot == std::string_view::npos || dot > equals)
    throw InputError(origin + "'" + std::string(assignment) + "': write section.key=value");
  const std::string name(trim(assignment.substr(0, dot)));
  const std::string key(trim(assignment.substr(dot + 1, equals - dot - 1)));
  const std::string value(trim(assignment.substr(equals + 1)));
  const std::string where = origin + name + "." + key;
  // A bare word is a text: nobody wants to quote twice in a shell.
  toml::table parsed;
  try {
    parsed = toml::parse("v = " + value);
  } catch (const toml::parse_error&) {
    try {
      parsed = toml::parse("v = " + quote(value));
    } catch (const toml::parse_error&) {
      throw InputError(where + ": the value is not valid UTF-8");
    }
  }
  assign(find_section(sections_, name, where), key, *parsed.get("v"), where, value);
}

void Settings::load_environment() {
  std::map<std::string, std::string> names;  // DRST_SECTION_KEY -> section.key
  for (const auto& [section, visit_section] : sections_)
    for (const auto& key : keys_of(visit_section)) {
      std::string name = section;
      name.append(1, '.').append(key);
      names["DRST_" + upper(section) + "_" + upper(key)] = std::move(name);
    }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (!text.starts_with("DRST_") || equals == std::string_view::npos) continue;
    const std::string variable(text.substr(0, equals));
    if (const auto name = names.find(variable); name != names.end()) {
      set_from("environment variable " + variable + ": ",
               name->second + "=" + std::string(text.substr(equals + 1)));
      continue;
    }
    if (is_of_the_project(variable)) continue;
    // DRST_DATA and others are no settings; but what begins like a section's setting is a mistyped one.
    std::vector<std::string> known;
    known.reserve(names.size());
    for (const auto& name : names) known.push_back(name.first);
    for (const auto& section : sections_)
      if (variable.starts_with("DRST_" + upper(section.first) + "_")) {
        throw InputError("environment variable " + variable + ": no such setting" +
                         did_you_mean(variable, known) + advice);
      }
    // Others may be somebody's own (a cluster names a service's address so), unless they look like a setting.
    const auto meant = did_you_mean(variable, known);
    if (meant.empty()) continue;
    std::string warning = "environment variable " + variable;
    warning.append(" is no setting and is ignored").append(meant).append(advice);
    log::warning(warning);
  }
}

std::string Settings::to_toml(bool with_notes) const {
  std::string out;
  for (const auto& [section, visit_section] : sections_) {
    if (!out.empty()) out += "\n";
    out += "[" + section + "]\n";
    // By name: clang 14, which builds the fuzzers, captures no structured binding.
    const auto print = [&out, with_notes, &name = section](std::string_view key, const std::string& value,
                                                           const SettingNote& note) {
      if (with_notes) {
        std::string words = note.reason;
        if (!note.unit.empty()) words += " Unit: " + note.unit + ".";
        words += range_words(note);
        if (!note.choices.empty()) words += " One of: " + join(note.choices) + ".";
        out += wrap_comment(words, 110);
      }
      if (value.starts_with(Printer::table_mark)) {
        out += "[" + name + "." + std::string(key) + "]" + value.substr(1) + "\n";
      } else {
        out += std::string(key) + " = " + value + "\n";
      }
    };
    Printer printer(print, true);
    visit_section(printer);
  }
  return out;
}

std::map<std::string, std::string> Settings::values() const {
  std::map<std::string, std::string> all;
  for (const auto& [section, visit_section] : sections_) {
    Printer printer(
        [&, &section_name = section](std::string_view key, const std::string& value, const SettingNote&) {
          all[section_name + "." + std::string(key)] = value;
        });
    visit_section(printer);
  }
  return all;
}

}  // namespace drst
