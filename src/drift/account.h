// Who drifted: an alarm's divergence by feature and by VNF. Pure functions.
//
// A counter's column is `<vnf>_<event>`, and both parts may hold underscores. With the VNFs configured
// (drift.vnfs) a column belongs to the longest name it begins with; without, every place where a name may be
// cut is weighed by the number of columns that share the first part times the number that share the second,
// and the heaviest cut wins: "nf_router" and "nf" stand before as many columns, but no other VNF has a
// "router_cycles". Columns that fit no scheme are counted under their own name.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "drift/detector.h"

namespace drst {

struct DriftShare {
  std::string name;
  double share = 0;       ///< of all features' bits, 0..1
  double divergence = 0;  ///< bits: the feature's; of a VNF the mean over its features
};

/// The VNF of each column.
std::vector<std::string> vnfs_of(std::span<const std::string> columns,
                                 std::span<const std::string> configured);

std::vector<DriftShare> by_feature(const Alarm& alarm);  ///< largest first
std::vector<DriftShare> by_vnf(const Alarm& alarm,
                               std::span<const std::string> configured);  ///< largest first

}  // namespace drst
