#include "pipeline/run.h"

#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "inference/trace.h"
#include "ingest/simulator_writer.h"
#include "learn/model.h"
#include "learn/offline.h"
#include "pipeline/closed_loop.h"
#include "pipeline/drive.h"
#include "pipeline/run_traces.h"
#include "report/report.h"
#include "store/prefix_store.h"
#include "stream/lane.h"
#include "stream/record.h"
#include "telemetry/recorder.h"
#include "telemetry/resources.h"

namespace drst {

namespace fs = std::filesystem;

StreamChoice choose_stream(const std::string& offline, const std::vector<std::string>& stages,
                           const fs::path& data, const Config& config) {
  StreamChoice choice;
  if (!offline.empty()) choice.offline = parse_row_range(offline);
  for (const auto& stage : stages) choice.stages.push_back(parse_stage(stage));
  for (std::size_t i = 0; i < choice.stages.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (choice.stages[i].name == choice.stages[j].name)
        throw InputError("two stages are named '" + choice.stages[i].name + "'; give each its own name");
  if ((!offline.empty() || data.empty()) && !stages.empty()) return choice;
  auto defaults = default_stream(data, config.stream.rows, config.table);
  if (offline.empty()) choice.offline = defaults.offline;
  if (stages.empty()) choice.stages = std::move(defaults.stages);
  return choice;
}

void seek_in(const fs::path& data, RowRange& range) {
  std::error_code unknown;
  if (range.file.empty() || data.empty() || range.file.is_absolute() || fs::exists(range.file, unknown))
    return;
  for (const auto& folder : {data, data / "perf"})
    if (fs::is_regular_file(folder / range.file, unknown)) {
      range.file = folder / range.file;
      return;
    }
}

namespace {

/// The tables of a run, read and checked.
struct RunTables {
  OfflineOptions options;
  Table offline;
  std::vector<StageTable> stages;
};

void check_targets_of(const Table& offline, const ModelSettings& model, OfflineOptions options) {
  for (const auto& target : model.targets) {
    options.target = target;
    check_offline(offline, model, options);
  }
}

RunTables read_tables(const RunRequest& request, const fs::path& data) {
  const Config& config = request.config;
  auto choice = choose_stream(request.offline_text, request.stage_texts, data, config);
  seek_in(data, choice.offline);
  for (auto& stage : choice.stages) seek_in(data, stage.range);
  RunTables tables;
  tables.options.seed = static_cast<uint64_t>(config.run.seed);
  tables.options.source = choice.offline.file.string();
  tables.offline = load_range(choice.offline, config.table);
  check_targets_of(tables.offline, config.model, tables.options);
  for (const auto& stage : choice.stages)
    tables.stages.push_back({stage.name, load_range(stage.range, config.table)});
  check_stages(tables.stages, config.model.targets, config.model.kpis);
  return tables;
}

/// InputError where consumers would refuse the release that was just published.
void check_served(ObjectStore& store, const ReleaseInfo& release, const OnnxSettings& limits) {
  try {
    (void)load_model(store.get(release.model_key).value_or(""), limits.limits());
  } catch (const Error& error) {
    throw InputError(std::string("the model as trained could not be served: ") + error.what() +
                     "; raise that limit of [onnx], or train a smaller model");
  }
}

/// For a run on a simulated chain: what of it comes from outside.
void check_request(const RunRequest& request) {
  const Config& config = request.config;
  check(config.simulator);
  if (!request.offline_text.empty())
    check_targets_of(load_range(parse_row_range(request.offline_text), config.table), config.model,
                     {.source = request.offline_text});
  std::vector<StageTable> stages;
  for (const auto& text : request.stage_texts) {
    const auto stage = parse_stage(text);
    stages.push_back({stage.name, load_range(stage.range, config.table)});
  }
  if (!stages.empty()) check_stages(stages, config.model.targets, config.model.kpis);
  if (!request.offline_text.empty() && !stages.empty()) return;
  const auto& simulated = config.simulator.chain.kpis;
  for (const auto& target : config.model.targets)
    if (std::find(simulated.begin(), simulated.end(), target) == simulated.end())
      throw InputError("the simulated chain has no KPI '" + target + "', which is a target; it has " +
                       join(simulated) + " (simulator.kpis)");
}

/// Each target's models, into its part of the store.
void train(const Config& config, const RunTables& tables, ObjectStore& store, const Clock& clock,
           Recorder& recorder) {
  for (const auto& target : config.model.targets) {
    const double begun = monotonic_seconds();
    const ScopedTimer timer(recorder.stream(), "run", "train");
    const std::string lane = lane_of(target, config.model.targets);
    const log::Scope scope(lane.empty() ? lane : lane + ": ");
    PrefixStore part(store, lane_prefix(lane));
    Registry registry(part, clock, config.registry);
    auto options = tables.options;
    options.target = target;
    const auto trained = run_offline(tables.offline, config.model, part, registry, options);
    check_served(part, trained.first, config.inference.onnx);
    log::info("offline: " + trained.baseline.family + ", validation accuracy@0.2 " +
              to_fixed(trained.validation.acc02, 3) + " (" + to_fixed(monotonic_seconds() - begun, 1) +
              " s)");
  }
}

/// Makes the run in `folder`; `streaming()` is called when the stream begins.
Summary make_run(const RunRequest& request, RunTables tables, double begun, const fs::path& folder,
                 const std::function<void()>& streaming,
                 const std::function<void(int64_t, int64_t)>& progress) {
  Config config = request.config;
  const bool is_virtual = config.run.clock == "virtual";

  VirtualClock virtual_clock;
  const SystemClock wall_clock;
  const Clock& clock = is_virtual ? static_cast<const Clock&>(virtual_clock) : wall_clock;
  const auto store = open_store("file:" + (folder / "store").string(), config.store);
  // On the virtual clock a run is repeated from its seed, so that power cuts need no sync for each record.
  const auto log = open_log("embedded:" + (folder / "log").string(), clock,
                            is_virtual ? Durability::relaxed : Durability::full, config.log);

  RunFacts facts;
  facts.run_id = "run" + to_text(config.run.seed);
  facts.seed = static_cast<uint64_t>(config.run.seed);
  facts.targets = config.model.targets;
  facts.family = config.model.family;
  facts.clock = config.run.clock;
  facts.simulated_data = request.simulated;
  facts.label_every = config.stream.label_every;
  facts.label_delay = config.stream.label_delay;
  facts.epsilon = config.model.epsilon;
  facts.settings = config.sections().values();
  facts.code_version = DRST_VERSION;
  put_facts(*store, facts);

  Recorder recorder(*store, clock, config.telemetry, "process");
  const double cpu_before = read_process(::getpid()).cpu_s;
  train(config, tables, *store, clock, recorder);
  facts.cpu_s["offline"] = read_process(::getpid()).cpu_s - cpu_before;  // its helper threads included

  streaming();
  ClosedLoop loop(config, {*log, *store, clock, is_virtual, recorder}, facts.run_id, tables.offline,
                  std::move(tables.stages));
  const double stream_begun = monotonic_seconds();
  LoopProgress each;
  int64_t shown = -1;
  if (progress)
    each.each_tick = [&] {
      const int64_t rows = loop.producer().rows_produced();
      if (rows == shown) return;
      shown = rows;
      progress(rows, loop.producer().rows_total());
    };
  const auto cpu = [&] {
    const ScopedTimer timer(recorder.stream(), "run", "stream");
    return is_virtual ? run_virtual(loop.parts(), virtual_clock, from_seconds(config.run.tick_s),
                                    from_seconds(config.run.patience_s), each)
                      : run_on_threads(loop.parts(), *log, config.longest_nap());
  }();
  facts.stream_wall_s = monotonic_seconds() - stream_begun;
  log->sync();

  write_traces(*log, *store, config.stream.topic, facts);
  facts.produced = loop.producer().rows_produced();
  facts.cpu_s.insert(cpu.begin(), cpu.end());
  facts.wall_s = monotonic_seconds() - begun;
  put_facts(*store, facts);
  recorder.finish();  // before the report, which shows it
  if (request.report) write_report(*store, folder);
  auto summary = summarize(*store);
  if (!request.report) write_file_atomic(folder / "summary.json", to_json(summary));
  return summary;
}

}  // namespace

Summary execute_run(const RunRequest& request, const std::function<void(int64_t, int64_t)>& progress) {
  const double begun = monotonic_seconds();
  const Config& config = request.config;
  RunTables tables;
  // Wrong input is refused before anything is created.
  check(config);
  if (request.simulated)
    check_request(request);
  else
    tables = read_tables(request, request.data);
  OutputFolder out(request.out, request.overwrite);
  if (request.simulated) {
    log::warning("no real tables: a simulated chain is used (seed " + to_text(config.run.seed) + ")");
    const fs::path data = out.unfinished() / "data";
    simulate_data_folder(data, static_cast<uint64_t>(config.run.seed), config.simulator);
    tables = read_tables(request, data);
  }
  bool streaming = false;
  const auto began = [&] {
    streaming = true;
    out.keep();
  };
  try {
    auto summary = make_run(request, std::move(tables), begun, out.unfinished(), began, progress);
    out.take_place();
    return summary;
  } catch (...) {
    if (streaming)
      log::warning("the run was not finished; what there is of it lies in " + out.unfinished().string() +
                   " until the next run into " + request.out.string());
    throw;
  }
}

}  // namespace drst
