#include "collect/chain.h"

#include <toml++/toml.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "stream/checks.h"

namespace drst {

namespace {

using Names = std::vector<std::string>;

/// What a source of a type may have beside `type` and `rename`, and of which keys it needs exactly one.
struct Type {
  std::string name;
  Names keys;
  std::vector<Names> one_of;
};

const std::vector<Type>& types() {
  static const Names follows{"file", "command"};
  static const Names processes{"process", "pid", "pid_file", "cgroup", "cpus"};
  static const std::vector<Type> all{
      {"perf", {"vnf", "events", "process", "pid", "pid_file", "cgroup", "cpus"}, {{"vnf"}, processes}},
      {"perf_stat", {"vnf", "events", "separator", "file", "command"}, {{"vnf"}, follows}},
      {"pcm", {"name", "columns", "file", "command"}, {follows}},
      {"nf_out", {"name", "columns", "file", "command"}, {follows}},
      {"moongen", {"name", "column", "file", "command"}, {follows}},
      {"latency", {"unit", "file", "command"}, {follows}},
      {"nic", {"name", "interface", "columns", "ethtool"}, {{"interface"}}},
      {"dpdk", {"name", "socket", "port", "columns"}, {}},
      {"prometheus", {"url", "metrics"}, {{"url"}, {"metrics"}}}};
  return all;
}

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw InputError(where + ": " + what);
}

std::string place_of(const std::string& source, const toml::node& node) {
  return source + ":" + to_text(node.source().begin.line);
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; });
}

/// What becomes a column or a part of one.
void check_column(const std::string& where, const std::string& key, const std::string& name) {
  constexpr std::size_t longest = 200;
  if (name.empty() || name.size() > longest || has_control(name) || trim(name).size() != name.size())
    refuse(where, key + " has '" + name.substr(0, longest) +
                      "', which cannot name a column: use 1 to 200 characters, no control characters, "
                      "and no blanks around them");
}

void check_name(const std::string& where, const std::string& key, const std::string& name) {
  try {
    check_log_name(key, name);
  } catch (const Error& error) {
    refuse(where, error.what());
  }
}

void check_unknown(const std::string& source, const toml::table& table, const Names& known,
                   const std::string& of) {
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string what = "unknown key '";
    what += name;
    what += "' ";
    what += of;
    what += did_you_mean(name, known);
    what += " (known: " + join(known) + ")";
    refuse(place_of(source, node), what);
  }
}

/// The keys of one table, each with the type it must have.
class Keys {
 public:
  Keys(const std::string& source, const toml::table& table) : source_(source), table_(table) {}

  [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }
  [[nodiscard]] std::string where(std::string_view key) const { return place_of(source_, *table_.get(key)); }

  void text(const std::string& key, std::string& out) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    if (!node->is_string()) refuse(where(key), key + " must be a text");
    out = node->as_string()->get();
    if (out.empty() && key != "separator") refuse(where(key), key + " is empty");
    if (out.find('\0') != std::string::npos) refuse(where(key), key + " holds a zero byte");
  }
  void texts(const std::string& key, Names& out) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    if (!node->is_array()) refuse(where(key), key + " must be a list of texts");
    for (const auto& item : *node->as_array()) {
      if (!item.is_string()) refuse(place_of(source_, item), key + " must hold texts only");
      out.push_back(item.as_string()->get());
      if (out.back().find('\0') != std::string::npos)
        refuse(place_of(source_, item), key + " holds a zero byte");
    }
    if (out.empty()) refuse(where(key), key + " is an empty list");
  }
  /// Names of columns or events, each once.
  void names(const std::string& key, Names& out) const {
    texts(key, out);
    std::set<std::string> seen;
    for (const auto& name : out) {
      check_column(where(key), key, name);
      if (!seen.insert(name).second) refuse(where(key), std::string(key).append(" has '" + name + "' twice"));
    }
  }
  void integer(const std::string& key, std::int64_t least, std::int64_t most, std::int64_t& out) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    if (!node->is_integer()) refuse(where(key), key + " must be a whole number");
    out = node->as_integer()->get();
    if (out < least || out > most)
      refuse(where(key),
             key + " = " + to_text(out) + " is not between " + to_text(least) + " and " + to_text(most));
  }
  void flag(const std::string& key, bool& out) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    if (!node->is_boolean()) refuse(where(key), key + " must be true or false");
    out = node->as_boolean()->get();
  }

 private:
  const std::string& source_;
  const toml::table& table_;
};

void read_rename(const std::string& source, const toml::table& table, SourceSpec& spec) {
  const toml::node* node = table.get("rename");
  if (node == nullptr) return;
  if (!node->is_table()) refuse(place_of(source, *node), "rename must be a table: { column = \"name\" }");
  std::set<std::string> taken;
  for (const auto& [key, value] : *node->as_table()) {
    const std::string from(key.str());
    const std::string where = place_of(source, value);
    if (!value.is_string()) refuse(where, "rename." + from + " must be a text");
    const std::string to = value.as_string()->get();
    check_column(where, "rename", to);
    if (!taken.insert(to).second) refuse(where, "rename gives two columns the name '" + to + "'");
    spec.rename.emplace(from, to);
  }
}

void read_metrics(const std::string& source, const toml::table& table, SourceSpec& spec) {
  const toml::node* node = table.get("metrics");
  if (node == nullptr) return;
  const std::string where = place_of(source, *node);
  if (!node->is_array()) refuse(where, "metrics must be a list");
  for (const auto& item : *node->as_array()) {
    MetricChoice choice;
    const std::string at = place_of(source, item);
    if (item.is_string()) {
      choice.metric = item.as_string()->get();
    } else if (item.is_table()) {
      check_unknown(source, *item.as_table(), {"metric", "column", "as"}, "of a metric");
      const Keys keys(source, *item.as_table());
      keys.text("metric", choice.metric);
      keys.text("column", choice.column);
      keys.text("as", choice.as);
      if (!choice.column.empty()) check_column(at, "column", choice.column);
    } else {
      refuse(at, "metrics must hold texts or tables { metric = \"...\", column = \"...\", as = \"...\" }");
    }
    if (trim(choice.metric).empty()) refuse(at, "a metric has no name");
    const Names ways{"auto", "rate", "value"};
    if (std::ranges::find(ways, choice.as) == ways.end())
      refuse(at, "as = '" + choice.as + "' is none of " + join(ways) + did_you_mean(choice.as, ways));
    spec.metrics.push_back(std::move(choice));
  }
  if (spec.metrics.empty()) refuse(where, "metrics is an empty list");
}

const Type& type_of(const std::string& where, const std::string& name) {
  Names names;
  for (const auto& type : types()) {
    if (type.name == name) return type;
    names.push_back(type.name);
  }
  refuse(where, "unknown type '" + name + "'" + did_you_mean(name, names) + " (known: " + join(names) + ")");
}

void check_values(const Keys& keys, const SourceSpec& spec) {
  if (!spec.vnf.empty()) check_name(keys.where("vnf"), "vnf", spec.vnf);
  if (!spec.name.empty()) check_name(keys.where("name"), "name", spec.name);
  if (keys.has("command") && spec.command.front().empty())
    refuse(keys.where("command"), "command names no program");
  if (!spec.interface.empty() && (spec.interface.size() > 15 || has_control(spec.interface) ||
                                  spec.interface.find_first_of("/ \t,\"") != std::string::npos ||
                                  spec.interface == "." || spec.interface == ".."))
    refuse(keys.where("interface"), "'" + spec.interface.substr(0, 40) + "' is no name of an interface");
  const Names units{"auto", "ns", "us", "ms"};
  if (std::ranges::find(units, spec.unit) == units.end())
    refuse(keys.where("unit"), "unit = '" + spec.unit + "' is none of " + join(units));
  // The URL itself is not said: a password may stand in it.
  if (!spec.url.empty() && ((!spec.url.starts_with("http://") && !spec.url.starts_with("https://")) ||
                            has_control(spec.url) || spec.url.find(' ') != std::string::npos))
    refuse(keys.where("url"), "url must begin with http:// or https://, and hold no blanks");
}

SourceSpec read_source(const std::string& source, const toml::table& table) {
  SourceSpec spec;
  spec.where = place_of(source, table);
  const Keys keys(source, table);
  keys.text("type", spec.type);
  if (spec.type.empty()) refuse(spec.where, "a [[source]] needs a type");
  const Type& type = type_of(keys.where("type"), spec.type);
  Names known = type.keys;
  known.insert(known.begin(), {"type", "rename"});
  check_unknown(source, table, known, "of type " + spec.type);
  for (const auto& choices : type.one_of) {
    Names given;
    for (const auto& key : choices)
      if (keys.has(key)) given.push_back(key);
    if (given.empty())
      refuse(spec.where, "type " + spec.type + " needs " +
                             (choices.size() == 1 ? choices[0] : "one of " + join(choices)));
    if (given.size() > 1) refuse(keys.where(given[1]), "give only one of " + join(given));
  }
  for (const auto& [key, value] :
       std::initializer_list<std::pair<const char*, std::string*>>{{"name", &spec.name},
                                                                   {"vnf", &spec.vnf},
                                                                   {"process", &spec.process},
                                                                   {"pid_file", &spec.pid_file},
                                                                   {"cgroup", &spec.cgroup},
                                                                   {"cpus", &spec.cpus},
                                                                   {"separator", &spec.separator},
                                                                   {"file", &spec.file},
                                                                   {"column", &spec.column},
                                                                   {"unit", &spec.unit},
                                                                   {"interface", &spec.interface},
                                                                   {"socket", &spec.socket},
                                                                   {"url", &spec.url}})
    keys.text(key, *value);
  keys.integer("pid", 1, std::int64_t{1} << 22, spec.pid);  // the kernel's PID_MAX_LIMIT
  keys.integer("port", 0, 65535, spec.port);
  keys.flag("ethtool", spec.ethtool);
  keys.names("events", spec.events);
  keys.names("columns", spec.columns);
  keys.texts("command", spec.command);
  read_metrics(source, table, spec);
  read_rename(source, table, spec);
  check_values(keys, spec);
  return spec;
}

}  // namespace

ChainFile parse_chain(std::string_view toml, const std::string& source) {
  toml::table root;
  try {
    root = toml::parse(toml);
  } catch (const toml::parse_error& error) {
    refuse(source + ":" + to_text(error.source().begin.line), std::string(error.description()));
  }
  check_unknown(source, root, {"chain", "source"}, "of a chain file");
  ChainFile file;
  const Keys keys(source, root);
  keys.text("chain", file.chain);
  if (keys.has("chain")) check_name(keys.where("chain"), "chain", file.chain);
  const toml::node* sources = root.get("source");
  if (sources == nullptr) refuse(source, "there is no source; add [[source]] with a type");
  if (!sources->is_array())
    refuse(place_of(source, *sources), "write [[source]], with two brackets: there may be several");
  for (const auto& item : *sources->as_array()) {
    if (!item.is_table()) refuse(place_of(source, item), "a source is a table: [[source]]");
    file.sources.push_back(read_source(source, *item.as_table()));
  }
  if (file.sources.empty()) refuse(place_of(source, *sources), "there is no source");
  return file;
}

ChainFile read_chain(const std::filesystem::path& path) {
  constexpr std::uint64_t most = 1 << 20;
  return parse_chain(read_file(path, most), path.string());
}

}  // namespace drst
