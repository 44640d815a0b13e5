#include "ingest/simulator_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "base/random.h"
#include "base/stop.h"
#include "table/csv.h"

namespace drst {
namespace {

constexpr std::size_t kFlushBytes = std::size_t{1} << 16;

struct PublishedFile {
  const char* name;
  Scenario scenario;
  Topology topology;
  int64_t rows;
};
/// Names and lengths of the published set; what it keeps aside (random rates, intervention, dag-2) gets like
/// lengths.
constexpr std::array<PublishedFile, 6> kPublished = {{
    {"combined.csv", Scenario::baseline, Topology::linear, 1790},
    {"random_rates.csv", Scenario::random_rates, Topology::linear, 1790},
    {"resource_stimulus_global_A-B-C_modified.csv", Scenario::resource_stimulus, Topology::linear, 2284},
    {"intervention_global.csv", Scenario::intervention, Topology::linear, 2284},
    {"dag-1_resource_stimulus_global_A-B-C.csv", Scenario::resource_stimulus, Topology::dag_1, 2229},
    {"dag-2_resource_stimulus_global_A-B-C.csv", Scenario::resource_stimulus, Topology::dag_2, 2229},
}};
constexpr const char* kMark = "SIMULATED.txt";

SimulationSpec spec_of(const PublishedFile& file, uint64_t seed, const SimulatorSettings& settings) {
  SimulationSpec spec;
  spec.scenario = file.scenario;
  spec.topology = file.topology;
  spec.seed = seed;
  spec.rows = file.rows;
  spec.settings = settings;
  return spec;
}

void sync_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid() || ::fsync(file.get()) != 0)
    throw FailedError(path.string() + ": cannot sync: " + std::strerror(errno) + "; check the disk");
}

}  // namespace

int64_t write_simulated_csv(std::ostream& out, Simulator& simulator,
                            const std::function<bool(int64_t)>& going_on) {
  std::string text;
  append_csv_header(text, simulator.columns(), true);
  SimulatedSecond second;
  int64_t rows = 0;
  const auto flush = [&] {
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    text.clear();
    if (!out)
      throw FailedError("writing simulated rows failed after row " + std::to_string(rows) +
                        "; check the space on the disk and that the reader is still there");
  };
  while (simulator.next(second)) {
    append_csv_row(text, second.values, static_cast<std::size_t>(second.row_in_experiment));
    ++rows;
    if (text.size() < kFlushBytes) continue;
    flush();
    if (going_on && !going_on(rows)) break;
  }
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  text.clear();
  out.flush();
  flush();
  return rows;
}

int64_t simulate_csv_file(const std::filesystem::path& path, const SimulationSpec& spec) {
  if (spec.rows <= 0) throw InputError(path.string() + ": an endless simulation fits no file; set rows");
  Simulator simulator(spec);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  make_folders(folder);
  const std::filesystem::path temporary = folder / (std::string(temporary_prefix) + path.filename().string());
  int64_t rows = 0;
  try {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    if (!out)
      throw FailedError(temporary.string() + ": cannot be created: " + std::strerror(errno) +
                        "; check the folder's permissions and space");
    rows = write_simulated_csv(out, simulator, [](int64_t) {
      throw_if_stopped();
      return true;
    });
    out.close();
    if (!out) throw FailedError(temporary.string() + ": closing failed; check the space on the disk");
    sync_file(temporary);
    std::filesystem::rename(temporary, path);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw;
  }
  sync_folder(folder);
  return rows;
}

void check(const SimulatorSettings& settings) {
  for (const PublishedFile& file : kPublished) (void)Simulator(spec_of(file, 1, settings));
}

void simulate_data_folder(const std::filesystem::path& folder, uint64_t seed,
                          const SimulatorSettings& settings) {
  for (const PublishedFile& file : kPublished)
    if (std::filesystem::exists(folder / file.name))
      throw InputError((folder / file.name).string() +
                       " exists; simulated tables never replace others: name another folder");
  make_folders(folder);
  // The mark comes first: whatever a crash leaves behind is known to be simulated.
  write_file_atomic(folder / kMark,
                    "These tables were simulated by drst (seed " + std::to_string(seed) +
                        "). They resemble, but are not, measurements of a real service chain.\n");
  Random seeds(seed);
  for (const PublishedFile& file : kPublished)
    simulate_csv_file(folder / file.name, spec_of(file, seeds(), settings));
}

}  // namespace drst
