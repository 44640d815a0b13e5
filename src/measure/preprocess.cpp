#include "measure/preprocess.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/stop.h"
#include "base/text.h"
#include "measure/experiment.h"
#include "measure/output.h"
#include "measure/result_json.h"
#include "measure/subsets.h"
#include "table/csv.h"

namespace drst {

namespace fs = std::filesystem;

namespace {

/// Writes the files of each experiment and keeps its name; threads may call at once.
class Maker {
 public:
  Maker(const PreprocessRequest& request, const fs::path& folder, FoundBundles& found)
      : request_(request), folder_(folder), made_(found.bundles.size()) {}

  void make(std::size_t index, const Bundle& bundle) {
    const auto& settings = request_.settings;
    const Experiment experiment = request_.kind == BundleKind::perf ? make_perf_experiment(bundle, settings)
                                                                    : make_pcm_experiment(bundle, settings);
    MadeExperiment& made = made_[index];
    made.scenario = bundle.scenario;
    made.experiment = bundle.experiment;
    made.file = "experiments/" + bundle.scenario + "/" + bundle.experiment;
    made.rows = experiment.table.rows();
    made.fingerprint = experiment.fingerprint;
    const fs::path path = folder_ / (made.file + ".csv");
    fs::create_directories(path.parent_path());
    write_file_atomic(path, to_csv(experiment.table), Sync::no);
    if (experiment.quality.columns() > 0)
      write_file_atomic(folder_ / (made.file + ".quality.csv"), to_csv(experiment.quality), Sync::no);
    write_file_atomic(folder_ / (made.file + ".provenance.json"), experiment.provenance + "\n", Sync::no);
    const std::lock_guard lock(mutex_);
    made.columns = shared(experiment.table.names());
    made.quality_columns = shared(experiment.quality.names());
    totals_.add(experiment.totals);
    bytes_ += experiment.bytes;
    ++done_;
    if (request_.progress) request_.progress(done_, made_.size());
  }

  std::vector<MadeExperiment> take() { return std::move(made_); }
  [[nodiscard]] const DirtTotals& totals() const { return totals_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  /// Thousands of experiments have the same 63 names.
  std::shared_ptr<const std::vector<std::string>> shared(const std::vector<std::string>& names) {
    for (const auto& known : known_)
      if (*known == names) return known;
    known_.push_back(std::make_shared<const std::vector<std::string>>(names));
    return known_.back();
  }

  const PreprocessRequest& request_;
  fs::path folder_;
  std::vector<MadeExperiment> made_;
  std::vector<std::shared_ptr<const std::vector<std::string>>> known_;
  std::mutex mutex_;
  DirtTotals totals_;
  std::uint64_t bytes_ = 0;
  std::size_t done_ = 0;
};

using FileNotes = std::vector<std::pair<std::string, FileDirt>>;

/// Marks experiments whose counters an earlier one has, too.
FileNotes mark_duplicates(std::vector<MadeExperiment>& experiments) {
  FileNotes notes;
  std::map<std::string, std::string> first;
  for (auto& experiment : experiments) {
    if (experiment.fingerprint.empty()) continue;
    const std::string name = experiment.scenario + "/" + experiment.experiment;
    const auto [at, fresh] = first.emplace(experiment.fingerprint, name);
    if (fresh) continue;
    experiment.duplicate_of = at->second;
    notes.emplace_back(name, FileDirt{});
    notes.back().second.add(Dirt::duplicate_experiment);
  }
  return notes;
}

/// All files with anything to tell, in the order of the experiments; gathered from their provenance, so that
/// no more than one is in memory.
void write_dirt(const fs::path& folder, const std::vector<MadeExperiment>& experiments, const FileNotes& more,
                const DirtTotals& totals) {
  std::string text = "{\n \"totals\": " + to_json(totals).dump() + ",\n \"files\": [";
  bool first = true;
  const auto add = [&](const std::string& line) {
    text += (first ? "\n  " : ",\n  ") + line;
    first = false;
  };
  for (const auto& [file, notes] : more) add(dirt_json(file, notes));
  for (const auto& experiment : experiments) {
    const auto own =
        nlohmann::ordered_json::parse(read_file(folder / (experiment.file + ".provenance.json")));
    for (const auto& entry : own.at("dirt")) add(entry.dump());
  }
  text += "\n ]\n}\n";
  write_file_atomic(folder / "dirt.json", text, Sync::no);
}

/// "incremental/incremental" -> "incremental-incremental".
std::string table_name(const std::string& scenario) {
  std::string name = scenario;
  std::replace(name.begin(), name.end(), '/', '-');
  return name;
}

class Tables {
 public:
  Tables(const fs::path& folder, const PreprocessSettings& settings,
         const std::vector<MadeExperiment>& experiments)
      : folder_(folder), keep_duplicates_(settings.duplicates == "keep"), experiments_(experiments) {}

  void add(const std::string& wanted, std::vector<const MadeExperiment*> of) {
    std::string name = wanted;
    for (std::size_t i = 2; !names_.insert(name).second; ++i) name = wanted + "." + to_text(i);
    if (!keep_duplicates_)
      std::erase_if(of, [](const auto* experiment) { return !experiment->duplicate_of.empty(); });
    tables_.push_back(merge_experiments(folder_, name, of));
  }
  void add_scenarios() {
    for (std::size_t begin = 0; begin < experiments_.size();) {
      std::vector<const MadeExperiment*> of;
      const std::string& scenario = experiments_[begin].scenario;
      while (begin < experiments_.size() && experiments_[begin].scenario == scenario)
        of.push_back(&experiments_[begin++]);
      add(table_name(scenario), std::move(of));
    }
  }
  void add_all(const std::string& name) {
    std::vector<const MadeExperiment*> of;
    for (const auto& experiment : experiments_) of.push_back(&experiment);
    add(name, std::move(of));
  }
  std::vector<MergedTable> take() { return std::move(tables_); }

 private:
  const fs::path& folder_;
  bool keep_duplicates_;
  const std::vector<MadeExperiment>& experiments_;
  std::set<std::string> names_ = {"dirt", "preprocess", "experiments"};
  std::vector<MergedTable> tables_;
};

void write_manifest(const fs::path& folder, const PreprocessRequest& request,
                    const PreprocessResult& result) {
  nlohmann::ordered_json json;
  json["kind"] = request.kind == BundleKind::perf ? "perf" : "pcm";
  json["program"] = "drst " DRST_VERSION;
  auto& inputs = json["inputs"] = nlohmann::ordered_json::array();
  for (const auto& input : request.inputs) inputs.push_back(input.string());
  json["experiments"] = result.experiments;
  json["bytes"] = result.bytes;
  json["tables"] = to_json(result.tables);
  json["dirt"] = to_json(result.dirt);
  json["settings"] = request.told_settings;
  auto& files = json["files"] = nlohmann::ordered_json::array();
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  for (const auto& name : names) files.push_back(name);
  write_file_atomic(folder / detail::manifest_name,
                    json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n", Sync::no);
}

/// A name that is mistyped is told before the work, not after it.
void check_subsets(const std::vector<Subset>& subsets, const FoundBundles& found) {
  std::vector<MadeExperiment> names(found.bundles.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i].scenario = found.bundles[i].scenario;
    names[i].experiment = found.bundles[i].experiment;
  }
  for (const auto& subset : subsets) (void)select(subset, names);
}

std::string words_of(BundleKind kind) {
  return kind == BundleKind::perf
             ? "a bundle of perf is a folder with <vnf>.csv (preprocess.vnfs), tx_stats.csv, rx_stats.csv or "
               "latency.csv"
             : "a bundle of PCM is a folder with <vnf>-pcm.csv, pcm-memory.csv or pcm-pcie.csv";
}

PreprocessResult make_tables(const PreprocessRequest& request) {
  const auto subsets = request.subsets.empty() ? std::vector<Subset>{} : read_subsets(request.subsets);
  FoundBundles found = find_bundles(request.inputs, request.kind, request.settings);
  if (found.bundles.empty())
    throw InputError("no bundles found; " + words_of(request.kind) +
                     (found.of_other_kind == 0 ? ""
                                               : "; there are " + to_text(found.of_other_kind) + " of " +
                                                     (request.kind == BundleKind::perf ? "PCM" : "perf") +
                                                     ", for the other command"));
  check_subsets(subsets, found);
  detail::PreprocessOutput output(request.out, request.overwrite);
  const fs::path& folder = output.unfinished();
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t threads =
      request.settings.threads == 0 ? cores : static_cast<std::size_t>(request.settings.threads);
  Maker maker(request, folder, found);
  read_bundles(found, request.settings, threads,
               [&](std::size_t index, const Bundle& bundle) { maker.make(index, bundle); });

  PreprocessResult result;
  result.dirt = maker.totals();
  result.bytes = maker.bytes();
  result.of_other_kind = found.of_other_kind;
  auto experiments = maker.take();
  result.experiments = experiments.size();
  std::sort(experiments.begin(), experiments.end(),
            [](const auto& a, const auto& b) { return natural_less(a, b); });
  for (const auto& experiment : experiments)
    if (experiment.rows == 0)
      result.without_rows.push_back(experiment.scenario + "/" + experiment.experiment);
  auto notes = mark_duplicates(experiments);
  for (const auto& tree : found.trees)
    if (tree.dirt.any()) notes.emplace_back(tree.path.string(), tree.dirt);
  for (const auto& [file, dirt] : notes) result.dirt.add(dirt);

  write_dirt(folder, experiments, notes, result.dirt);
  if (request.strict && result.dirt.dirt() > 0) {
    result.refused = true;
    fs::rename(folder / "dirt.json", request.out / "dirt.json");
    return result;
  }
  Tables tables(folder, request.settings, experiments);
  if (request.kind == BundleKind::perf) {
    tables.add_scenarios();
  } else {
    tables.add_all("pcm_global");
  }
  for (const auto& subset : subsets) tables.add(subset.name, select(subset, experiments));
  result.tables = tables.take();
  write_manifest(folder, request, result);
  throw_if_stopped();
  output.take_place();
  return result;
}

}  // namespace

PreprocessResult preprocess(const PreprocessRequest& request) {
  try {
    return make_tables(request);
  } catch (const Error& error) {
    if (error.exit_code() != ExitCode::interrupted) throw;
    throw Error(ExitCode::interrupted, "interrupted; no tables were made, and --out is as it was");
  }
}

}  // namespace drst
