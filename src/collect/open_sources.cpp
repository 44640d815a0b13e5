#include <utility>

#include "collect/collector.h"

namespace drst {

std::vector<ChainSource> open_sources(const ChainFile& chain, const CollectSettings& settings) {
  std::vector<ChainSource> sources;
  for (const auto& spec : chain.sources) sources.push_back({make_source(spec, settings), spec});
  return sources;
}

}  // namespace drst
