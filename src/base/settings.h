// Settings: one description serves the file, the environment, the command line, and the documentation.
//
// Each room keeps its settings in a plain struct with defaults and describes them once:
//     void describe(SettingsVisitor& v, DriftSettings& s) {
//       v.visit("window", s.window, {"rows", "records in the sliding window", 2, 1e6});
//     }
// A set of sections ("drift" -> such a struct) is then filled from TOML, from DRST_<SECTION>_<KEY>, and from
// --set section.key=value, and printed with unit, default, range and reason. Unknown keys, wrong types and
// values out of range are InputErrors that name the source (file:line, variable or option).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drst {

struct SettingNote {
  std::string unit;    ///< "rows", "s", "1" for a pure number, "" for text
  std::string reason;  ///< what it is and why this default; one or two sentences
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices = {};  ///< for text: the allowed values; empty: any
};

class SettingsVisitor {
 public:
  virtual ~SettingsVisitor() = default;
  virtual void visit(std::string_view key, bool& value, const SettingNote& note) = 0;
  virtual void visit(std::string_view key, int64_t& value, const SettingNote& note) = 0;
  virtual void visit(std::string_view key, double& value, const SettingNote& note) = 0;
  virtual void visit(std::string_view key, std::string& value, const SettingNote& note) = 0;
  virtual void visit(std::string_view key, std::vector<int64_t>& value, const SettingNote& note) = 0;
  virtual void visit(std::string_view key, std::vector<double>& value, const SettingNote& note) = 0;
  virtual void visit(std::string_view key, std::vector<std::string>& value, const SettingNote& note) = 0;
  virtual void visit(std::string_view key, std::vector<std::vector<int64_t>>& value,
                     const SettingNote& note) = 0;
  /// Names that are somebody else's, as a table [section.key]; the last of its section. Values may be texts,
  /// numbers or truth values; a.b = 1 and "a.b" = 1 are the same. Given again, names are added or replaced.
  virtual void visit(std::string_view key, std::map<std::string, std::string>& value,
                     const SettingNote& note) = 0;
};

/// Sections by name, each a function that shows its settings to a visitor. The structs must outlive it.
class Settings {
 public:
  template <class Section>
  void add(const std::string& name, Section& section) {
    sections_.emplace_back(name, [&section](SettingsVisitor& visitor) { describe(visitor, section); });
  }

  void load_file(const std::filesystem::path& path);                 ///< TOML
  void load_text(std::string_view toml, const std::string& source);  ///< TOML; `source` names it in errors
  void load_environment();                                           ///< DRST_<SECTION>_<KEY>
  void set(std::string_view assignment);  ///< "section.key=value", value as TOML or bare text

  /// The whole set as TOML with a comment for each setting: `config/drst.toml` is exactly this text for the
  /// defaults.
  [[nodiscard]] std::string to_toml(bool with_notes) const;
  /// section.key -> value as TOML text.
  [[nodiscard]] std::map<std::string, std::string> values() const;

 private:
  void set_from(const std::string& origin, std::string_view assignment);

  std::vector<std::pair<std::string, std::function<void(SettingsVisitor&)>>> sections_;
};

}  // namespace drst
