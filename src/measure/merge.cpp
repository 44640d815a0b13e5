#include "measure/merge.h"

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/files.h"
#include "base/stop.h"
#include "measure/bundles.h"
#include "table/csv.h"

namespace drst {

namespace {

namespace fs = std::filesystem;

/// A file that grows in pieces; whoever reads it only sees it when its folder is put in place.
class Output {
 public:
  explicit Output(fs::path path) : path_(std::move(path)), stream_(path_, std::ios::binary) { check(); }
  void write(std::string& text, bool all = false) {
    if (!all && text.size() < (std::size_t{1} << 20)) return;
    stream_.write(text.data(), static_cast<std::streamsize>(text.size()));
    check();
    text.clear();
  }
  void close(std::string& text) {
    write(text, true);
    stream_.close();
    check();
  }

 private:
  void check() const {
    if (!stream_) throw FailedError(path_.string() + " cannot be written; is the disk full?");
  }
  fs::path path_;
  std::ofstream stream_;
};

using Columns = std::shared_ptr<const std::vector<std::string>>;

struct Union {
  std::vector<std::string> names;
  std::unordered_map<std::string, std::size_t> places;
  void add(const std::vector<std::string>& columns) {
    for (const auto& name : columns)
      if (places.emplace(name, names.size()).second) names.push_back(name);
  }
};

/// Appends the table in `path` to `text`, its columns where `all` has them.
void append(std::string& text, const fs::path& path, const std::vector<std::string>& columns,
            const Union& all, Output& output) {
  if (columns == all.names) {  // the usual case: its lines are ours
    const std::string lines = read_file(path);
    text.append(lines, lines.find('\n') + 1, std::string::npos);
    output.write(text);
    return;
  }
  CsvOptions options;
  options.max_columns = ~std::size_t{0};  // we wrote it
  const Table table = read_csv(path, options);
  std::vector<std::size_t> places;
  for (const auto& name : table.names()) places.push_back(all.places.at(name));
  std::vector<double> cells(all.names.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t i = 0; i < places.size(); ++i) cells[places[i]] = table.at(row, i);
    append_csv_row(text, cells, row);
    output.write(text);
  }
}

}  // namespace

bool natural_less(const MadeExperiment& a, const MadeExperiment& b) {
  if (a.scenario != b.scenario) return natural_less(a.scenario, b.scenario);
  return natural_less(a.experiment, b.experiment);
}

MergedTable merge_experiments(const fs::path& folder, const std::string& name,
                              const std::vector<const MadeExperiment*>& experiments) {
  MergedTable merged;
  merged.file = name + ".csv";
  merged.experiments = experiments.size();
  Union columns;
  Union quality_columns;
  std::set<Columns> seen;  // experiments with the same columns share them
  for (const auto* experiment : experiments) {
    if (seen.insert(experiment->columns).second) columns.add(*experiment->columns);
    if (seen.insert(experiment->quality_columns).second) quality_columns.add(*experiment->quality_columns);
  }
  merged.columns = columns.names.size();
  for (const bool quality : {false, true}) {
    const Union& all = quality ? quality_columns : columns;
    if (all.names.empty() && quality) continue;
    const std::string ending = quality ? ".quality.csv" : ".csv";
    Output output(folder / (name + ending));
    std::string text;
    append_csv_header(text, all.names, true);
    for (const auto* experiment : experiments) {
      throw_if_stopped();
      if (experiment->rows == 0) continue;
      const auto& own = *(quality ? experiment->quality_columns : experiment->columns);
      if (!own.empty()) {
        append(text, folder / (experiment->file + ending), own, all, output);
      } else {  // rows of both tables stay side by side
        const std::vector<double> none(all.names.size(), std::numeric_limits<double>::quiet_NaN());
        for (std::size_t row = 0; row < experiment->rows; ++row) append_csv_row(text, none, row);
      }
      if (!quality) merged.rows += experiment->rows;
    }
    output.close(text);
  }
  Output output(folder / (name + ".provenance.json"));
  nlohmann::ordered_json head;
  head["table"] = merged.file;
  head["rows"] = merged.rows;
  head["columns"] = columns.names;
  std::string text = head.dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
  text.resize(text.rfind('\n'));
  text += ",\n \"experiments\": [";
  std::size_t first_row = 0;
  bool first = true;
  for (const auto* experiment : experiments) {
    auto own = nlohmann::ordered_json::parse(read_file(folder / (experiment->file + ".provenance.json")));
    nlohmann::ordered_json entry;
    entry["first_row"] = first_row;
    if (!experiment->duplicate_of.empty()) entry["duplicate_of"] = experiment->duplicate_of;
    entry.update(own);
    text += first ? "\n" : ",\n";
    text += entry.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    output.write(text);
    first_row += experiment->rows;
    first = false;
  }
  text += "\n ]\n}\n";
  output.close(text);
  return merged;
}

}  // namespace drst
