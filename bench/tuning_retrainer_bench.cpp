// What the retrainer as a component reaches on the stream of `drst run`, prequentially: offline training,
// then row by row on an in-memory log and store; a stand-in for consumers predicts each row with what the
// pointer named before it. Alarms are raised by hand, `--alarm` (100) rows after each stage change, tier B,
// so that accuracy does not depend on the detector.
//
//   DRST_DATA=... build/release/bin/tuning_retrainer_bench [--seeds N] [--label-every N] [--label-delay ROWS]
//   [--alarm ROWS (0: none)] [--choose]
//                                                          [--family F] [--set tuning.key=value |
//                                                          model.key=value]...
//
// `--choose` leaves dag-1 out: settings are chosen on that, and judged on the rest.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/settings.h"
#include "base/text.h"
#include "learn/dataset.h"
#include "learn/model.h"
#include "learn/offline.h"
#include "registry/events.h"
#include "registry/handover.h"
#include "store/memory_store.h"
#include "stream/memory_log.h"
#include "stream/record.h"
#include "table/csv.h"
#include "tuning/retrainer.h"

namespace {

using namespace drst;

struct Options {
  int64_t seeds = 1;
  int64_t label_every = 1, label_delay = 0, alarm = 100;
  bool choose = false;
  ModelSettings model;
  TuningSettings tuning;
};

Options parse(int argc, char** argv) {
  Options options;
  options.model.family = "mlp";
  Settings sections;
  sections.add("model", options.model);
  sections.add("tuning", options.tuning);
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--choose") {
      options.choose = true;
      continue;
    }
    if (i + 1 == argc) throw InputError(name + " needs a value");
    const std::string value = argv[++i];
    const auto number = parse_int(value).value_or(0);
    if (name == "--set")
      sections.set(value);
    else if (name == "--family")
      options.model.family = value;
    else if (name == "--seeds")
      options.seeds = number;
    else if (name == "--label-every")
      options.label_every = number;
    else if (name == "--label-delay")
      options.label_delay = number;
    else if (name == "--alarm")
      options.alarm = number;
    else
      throw InputError("unknown option " + name);
  }
  return options;
}

struct Stage {
  std::string name;
  Table table;
};

/// The stream as the producer would send it: counters, then lags, NaN where an experiment begins.
struct Stream {
  std::vector<std::string> columns;
  std::vector<std::vector<double>> rows;
  std::vector<double> labels;
  std::vector<int64_t> stage_ends;
};

Stream make_stream(const std::vector<Stage>& stages, const ModelSettings& model) {
  Stream stream;
  stream.columns = candidate_inputs(stages.front().table, model.kpis, model.target, true);
  for (const auto& stage : stages) {
    const Dataset data = make_dataset(stage.table, stream.columns, model.target);
    for (std::size_t r = 0; r < data.rows(); ++r) {
      stream.rows.emplace_back(data.row(r).begin(), data.row(r).end());
      stream.labels.push_back(static_cast<double>(data.y[r]));
    }
    stream.stage_ends.push_back(static_cast<int64_t>(stream.rows.size()));
  }
  return stream;
}

struct Serving {
  std::string key;
  std::unique_ptr<const Model> model;
  std::unique_ptr<Model::Scratch> scratch;
  std::vector<std::size_t> source;

  void load(Registry& registry, const Pointer& pointer, const std::vector<std::string>& columns) {
    if (key == pointer.model_key) return;
    key = pointer.model_key;
    model = load_model(registry.load(pointer)->onnx);
    scratch = model->make_scratch();
    source.clear();
    for (const auto& input : model->inputs())
      source.push_back(
          static_cast<std::size_t>(std::find(columns.begin(), columns.end(), input) - columns.begin()));
  }
  double predict(const std::vector<double>& values) {
    std::vector<float> raw;
    for (const std::size_t i : source) raw.push_back(static_cast<float>(values[i]));
    float y = 0;
    model->predict(raw, 1, {&y, 1}, *scratch);
    return static_cast<double>(y);
  }
};

struct Result {
  std::vector<double> frozen, adaptive;  ///< acc@0.2 by stage, then over all
};

class Loop {
 public:
  Loop(const Options& options, const Stream& stream, const Table& offline, uint64_t seed)
      : options_(options), stream_(stream) {
    log_.ensure_topic("latencyTopic", 3);
    log_.ensure_topic(labels_topic("latencyTopic"), 1);
    const double start = monotonic_seconds();
    offline_ = run_offline(offline, options.model, store_, registry_, {seed, "offline"});
    offline_s_ = monotonic_seconds() - start;
    RetrainerOptions retrainer;
    retrainer.run_id = "run1";
    retrainer.seed = seed;
    retrainer.target = options.model.target;
    retrainer.family = options.model.family;
    retrainer_ = std::make_unique<Retrainer>(log_, store_, clock_, options.tuning, RegistrySettings{},
                                             retrainer, offline);
  }

  Result run() {
    Result result;
    Serving frozen;
    frozen.load(registry_, {offline_.baseline.model_key, offline_.baseline.metrics_key}, stream_.columns);
    Scores stage[2] = {Scores(1e-6), Scores(1e-6)};
    Scores all[2] = {Scores(1e-6), Scores(1e-6)};
    const double start = monotonic_seconds();
    std::size_t current = 0;
    for (int64_t r = 0; r < static_cast<int64_t>(stream_.rows.size()); ++r) {
      const auto& values = stream_.rows[static_cast<std::size_t>(r)];
      const double label = stream_.labels[static_cast<std::size_t>(r)];
      append(r, values, label);
      serving_.load(registry_, **registry_.pointer(), stream_.columns);
      const double predictions[2] = {frozen.predict(values), serving_.predict(values)};
      for (int i = 0; i < 2; ++i) {
        stage[i].add(predictions[i], label);
        all[i].add(predictions[i], label);
      }
      answer_alarm(r, current);
      settle();
      clock_.advance(std::chrono::seconds(1));
      if (r + 1 < stream_.stage_ends[current]) continue;
      result.frozen.push_back(stage[0].metrics().acc02);
      result.adaptive.push_back(stage[1].metrics().acc02);
      stage[0] = stage[1] = Scores(1e-6);
      ++current;
    }
    stream_s_ = monotonic_seconds() - start;
    result.frozen.push_back(all[0].metrics().acc02);
    result.adaptive.push_back(all[1].metrics().acc02);
    return result;
  }
  [[nodiscard]] std::string effort() {
    const auto counts = retrainer_->counts();
    std::string text = "offline " + to_fixed(offline_s_, 2) + " s, stream " + to_fixed(stream_s_, 2) +
                       " s, refits " + to_text(counts.refits) + " (" + to_text(counts.published_refits) +
                       " published), answers " + to_text(counts.answers) + " (" +
                       to_text(counts.published_answers) + "), rollbacks " + to_text(counts.rollbacks);
    for (const auto& event : read_retrain_events(store_))
      text += "\n    " + event.id + " tier " + event.tier + ": " + to_fixed(event.wall_ms, 0) + " ms, " +
              to_text(event.candidates) + " candidates, " + event.reason;
    return text;
  }

 private:
  void append(int64_t r, const std::vector<double>& values, double label) {
    const bool labelled = options_.label_every > 0 && r % options_.label_every == 0;
    std::optional<double> at_once;
    if (labelled && options_.label_delay == 0) at_once = label;
    NewRecord record;
    record.value = std::string(encoder_.encode(make_id("run1", r), values, at_once, clock_.now(), ""));
    record.headers = {{std::string(run_id_header), "run1"}};
    const int64_t due = r - options_.label_delay;
    if (options_.label_delay > 0 && options_.label_every > 0 && due >= 0 && due % options_.label_every == 0) {
      NewRecord late;
      late.value =
          encode_label(make_id("run1", due), stream_.labels[static_cast<std::size_t>(due)], clock_.now());
      log_.append(labels_topic("latencyTopic"), 0, {&late, 1});
    }
    log_.append("latencyTopic", static_cast<int>(r % 3), {&record, 1});
  }
  void answer_alarm(int64_t r, std::size_t stage) {
    if (Handover(store_).done()) Handover(store_).clear();
    if (options_.alarm == 0 || stage == 0 || r != stream_.stage_ends[stage - 1] + options_.alarm) return;
    DriftWindow window;
    window.columns = stream_.columns;
    for (int64_t w = r - 299; w <= r; ++w) {
      window.rows.push_back(w);
      for (const double value : stream_.rows[static_cast<std::size_t>(w)])
        window.values.push_back(static_cast<float>(value));
      window.labels.push_back(options_.label_every == 1 && options_.label_delay == 0
                                  ? static_cast<float>(stream_.labels[static_cast<std::size_t>(w)])
                                  : std::numeric_limits<float>::quiet_NaN());
    }
    Handover(store_).raise({"run1-" + to_text(r), Tier::B, r, options_.model.target}, window, clock_.now(),
                           std::chrono::seconds(600));
  }
  void settle() {
    while (retrainer_->step() == Step::worked) {
    }
  }

  const Options& options_;
  const Stream& stream_;
  VirtualClock clock_;
  MemoryLog log_{std::make_shared<MemoryLogDisk>(), clock_};
  MemoryStore store_;
  Registry registry_{store_, clock_};
  RecordEncoder encoder_{stream_.columns};
  OfflineResult offline_;
  std::unique_ptr<Retrainer> retrainer_;
  Serving serving_;
  double offline_s_ = 0, stream_s_ = 0;
};

int run(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const char* folder = std::getenv("DRST_DATA");
  if (folder == nullptr) throw InputError("set DRST_DATA to the folder of real measurements");
  log::set_level(log::Level::warning);
  const auto perf = std::filesystem::path(folder) / "perf";
  CsvOptions csv;
  csv.lenient = true;
  const Table combined = read_csv(perf / "combined.csv", csv);
  const Table offline = combined.slice(0, combined.rows() - 500);
  std::vector<Stage> stages = {{"tail", combined.slice(combined.rows() - 500, combined.rows())}};
  stages.push_back(
      {"stage2", read_csv(perf / "resource_stimulus_global_A-B-C_modified.csv", csv).slice(0, 1000)});
  if (!options.choose)
    stages.push_back(
        {"dag-1", read_csv(perf / "dag-1_resource_stimulus_global_A-B-C.csv", csv).slice(0, 1000)});
  const Stream stream = make_stream(stages, options.model);
  std::cout << "seed";
  for (const auto& stage : stages) std::cout << "  " << stage.name << " (frozen)";
  std::cout << "  all (frozen)\n";
  double sum = 0;
  double frozen = 0;
  for (int64_t seed = 1; seed <= options.seeds; ++seed) {
    Loop loop(options, stream, offline, static_cast<uint64_t>(seed));
    const Result result = loop.run();
    std::cout << seed;
    for (std::size_t i = 0; i < result.adaptive.size(); ++i)
      std::cout << "  " << to_fixed(result.adaptive[i], 3) << " (" << to_fixed(result.frozen[i], 3) << ")";
    std::cout << "   " << loop.effort() << "\n";
    sum += result.adaptive.back();
    frozen += result.frozen.back();
  }
  const auto n = static_cast<double>(options.seeds);
  std::cout << "mean " << to_fixed(sum / n, 4) << " (" << to_fixed(frozen / n, 4) << ")\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const drst::Error& error) {
    std::cerr << error.what() << "\n";
    return static_cast<int>(error.exit_code());
  }
}
