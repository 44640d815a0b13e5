// Named lists of experiments in a TOML file; each becomes a table of its own.
//
//     [resource_stimulus_global_A-B-C_modified]
//     experiments = ["resource_stimulus/exp-[3-7]-[13]-[1-5]"]
//     exclude = []
//
// An entry is "<scenario>/<experiment>" or, without a slash, an experiment of any scenario; `*`, `?` and
// `[...]` as in a shell, `*` not over slashes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "measure/merge.h"

namespace drst {

struct Subset {
  std::string name;  ///< of the table
  std::vector<std::string> experiments, exclude;
};

/// InputError (file:line) on anything that is no such list.
std::vector<Subset> read_subsets(const std::filesystem::path& path);
std::vector<Subset> parse_subsets(std::string_view toml, const std::string& source);

/// Those of `experiments` that the subset names, in their order. InputError for an entry that names none.
std::vector<const MadeExperiment*> select(const Subset& subset,
                                          const std::vector<MadeExperiment>& experiments);

}  // namespace drst
