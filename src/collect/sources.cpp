#include "base/error.h"
#include "collect/source.h"

namespace drst {

std::unique_ptr<Source> make_source(const SourceSpec& spec, const CollectSettings& settings) {
  if (spec.type == "perf") return make_perf_source(spec, settings);
  if (spec.type == "nic") return make_nic_source(spec, settings);
  if (spec.type == "dpdk") return make_dpdk_source(spec, settings);
  if (spec.type == "prometheus") return make_prometheus_source(spec, settings);
  return make_followed_source(spec, settings);  // which refuses what it does not know
}

}  // namespace drst
