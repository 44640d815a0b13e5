// Bundles: which folders of trees and archives are experiments, what each is called, and their files' bytes.
//
// A bundle is a folder. One with PCM's files is of kind pcm; one with counters, rates or latencies and none
// of PCM's is of kind perf. Its name is its folder's; its scenario is the folder above it, as a path from the
// tree that was given ("resource_stimulus", "incremental/incremental"); of a bundle at the root of a tree or
// archive, the name of what lies around it. Archives inside trees are read as if they were folders. Links are
// not followed. Hidden files are passed over and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "measure/archive.h"
#include "measure/dirt.h"
#include "measure/settings.h"

namespace drst {

enum class BundleKind { perf, pcm };

/// What a file of a bundle holds, by its name.
enum class FileRole {
  counters,
  sent,
  received,
  latency,
  older_latency,
  nf_out,
  pcm,
  pcm_pcie,
  unknown,
  hidden
};
struct FileKind {
  FileRole role = FileRole::unknown;
  std::string source;  ///< counters: the VNF; pcm: "firewall-pcm", "pcm-memory"
};
FileKind kind_of_file(std::string_view name, const std::vector<std::string>& vnfs);

struct BundleFile {
  std::string name;   ///< without folder and compression
  std::string shown;  ///< for messages: path, or archive:path
  std::string bytes;
  FileDirt dirt;  ///< what was noted before it was parsed: too large
};

struct Bundle {
  std::string scenario, experiment;
  std::string shown;
  std::vector<BundleFile> files;  ///< in order of names
};

struct FoundBundle {
  std::string scenario, experiment;
  std::size_t tree = 0;
  std::string folder;  ///< inside the tree; "": its root
  std::vector<std::string> files;
};

struct Tree {
  std::filesystem::path path;
  bool archive = false;
  FileDirt dirt;
};

struct FoundBundles {
  std::vector<Tree> trees;
  std::vector<FoundBundle> bundles;  ///< by tree; scenario and experiment are distinct together
  std::size_t of_other_kind = 0;     ///< folders that the other command would take
};

/// InputError if an input is missing, is neither folder nor archive, or an archive is damaged or too large.
FoundBundles find_bundles(const std::vector<std::filesystem::path>& inputs, BundleKind kind,
                          const PreprocessSettings& settings);

/// Reads every bundle and hands it to `work`, on up to `threads` threads, in no particular order; `index` is
/// its place in `found.bundles`. Memory holds some bundles a thread.
void read_bundles(FoundBundles& found, const PreprocessSettings& settings, std::size_t threads,
                  const std::function<void(std::size_t index, Bundle bundle)>& work);

/// "exp2" before "exp10" before "exp-1": texts between numbers by their bytes, numbers by their value.
bool natural_less(std::string_view a, std::string_view b);

}  // namespace drst
