#include "measure/subsets.h"

#include <fnmatch.h>
#include <toml++/toml.h>

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace drst {

namespace {

[[noreturn]] void refuse(const std::string& source, const toml::node& node, const std::string& what) {
  throw InputError(source + ":" + to_text(node.source().begin.line) + ": " + what);
}

std::vector<std::string> list_of(const std::string& source, const toml::table& table, const char* key) {
  std::vector<std::string> list;
  const toml::node* node = table.get(key);
  if (node == nullptr) return list;
  if (!node->is_array()) refuse(source, *node, std::string(key) + " must be a list of experiments");
  for (const auto& item : *node->as_array()) {
    if (!item.is_string()) refuse(source, item, std::string(key) + " must hold texts only");
    list.push_back(item.as_string()->get());
  }
  return list;
}

bool is_table_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                  c == '_' || c == '-';
         });
}

bool matches(const std::string& pattern, const MadeExperiment& experiment) {
  const bool any_scenario = pattern.find('/') == std::string::npos;
  const std::string name =
      any_scenario ? experiment.experiment : experiment.scenario + "/" + experiment.experiment;
  return ::fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME) == 0;
}

}  // namespace

std::vector<Subset> parse_subsets(std::string_view toml, const std::string& source) {
  toml::table root;
  try {
    root = toml::parse(toml);
  } catch (const toml::parse_error& error) {
    throw InputError(source + ":" + to_text(error.source().begin.line) + ": " +
                     std::string(error.description()));
  }
  std::vector<Subset> subsets;
  for (const auto& [key, node] : root) {
    const std::string name(key.str());
    if (!node.is_table()) refuse(source, node, "'" + name + "' must be a section with experiments = [...]");
    if (!is_table_name(name))
      refuse(source, node, "'" + name + "' cannot name a table; use letters, digits, '.', '_', '-'");
    const toml::table& table = *node.as_table();
    for (const auto& [inner, value] : table)
      if (inner.str() != "experiments" && inner.str() != "exclude")
        refuse(source, value, "unknown key '" + std::string(inner.str()) + "'; known: experiments, exclude");
    Subset subset{name, list_of(source, table, "experiments"), list_of(source, table, "exclude")};
    if (subset.experiments.empty()) refuse(source, node, "[" + name + "] names no experiments");
    subsets.push_back(std::move(subset));
  }
  return subsets;
}

std::vector<Subset> read_subsets(const std::filesystem::path& path) {
  constexpr std::uint64_t most = 1 << 20;
  return parse_subsets(read_file(path, most), path.string());
}

std::vector<const MadeExperiment*> select(const Subset& subset,
                                          const std::vector<MadeExperiment>& experiments) {
  std::vector<char> wanted(experiments.size(), 0);
  const auto mark = [&](const std::string& pattern, char value) {
    bool any = false;
    for (std::size_t i = 0; i < experiments.size(); ++i) {
      if (!matches(pattern, experiments[i])) continue;
      wanted[i] = value;
      any = true;
    }
    if (!any)
      throw InputError("subset " + subset.name + ": no experiment is named '" + pattern +
                       "'; names are <scenario>/<experiment>, as below experiments/ in --out");
  };
  for (const auto& pattern : subset.experiments) mark(pattern, 1);
  for (const auto& pattern : subset.exclude) mark(pattern, 0);
  std::vector<const MadeExperiment*> selected;
  for (std::size_t i = 0; i < experiments.size(); ++i)
    if (wanted[i] != 0) selected.push_back(&experiments[i]);
  return selected;
}

}  // namespace drst
