#include "drift/account.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <unordered_map>

namespace drst {

namespace {

void sort_by_share(std::vector<DriftShare>& shares) {
  std::stable_sort(shares.begin(), shares.end(),
                   [](const auto& a, const auto& b) { return a.share > b.share; });
}

double total_of(const Alarm& alarm) {
  const double total = std::accumulate(alarm.by_feature.begin(), alarm.by_feature.end(), 0.0);
  return total > 0 ? total : 1;
}

std::string configured_vnf(const std::string& column, std::span<const std::string> configured) {
  std::string_view best;
  for (const auto& vnf : configured)
    if (column.size() > vnf.size() && column.starts_with(vnf) && column[vnf.size()] == '_' &&
        vnf.size() > best.size())
      best = vnf;
  return best.empty() ? column : std::string(best);
}

template <class Visit>
void for_each_cut(std::string_view column, const Visit& visit) {
  for (std::size_t at = column.find('_', 1); at != std::string_view::npos && at + 1 < column.size();
       at = column.find('_', at + 1))
    visit(column.substr(0, at), column.substr(at + 1));
}

}  // namespace

std::vector<std::string> vnfs_of(std::span<const std::string> columns,
                                 std::span<const std::string> configured) {
  std::vector<std::string> vnfs;
  vnfs.reserve(columns.size());
  if (!configured.empty()) {
    for (const auto& column : columns) vnfs.push_back(configured_vnf(column, configured));
    return vnfs;
  }
  std::unordered_map<std::string_view, std::size_t> firsts;
  std::unordered_map<std::string_view, std::size_t> seconds;
  for (const auto& column : columns)
    for_each_cut(column, [&](std::string_view first, std::string_view second) {
      ++firsts[first];
      ++seconds[second];
    });
  for (const auto& column : columns) {
    std::string_view best = column;
    std::size_t heaviest = 1;  // a cut whose parts nobody shares is none
    for_each_cut(column, [&](std::string_view first, std::string_view second) {
      const std::size_t weight = firsts[first] * seconds[second];
      if (weight <= heaviest) return;
      heaviest = weight;
      best = first;
    });
    vnfs.emplace_back(best);
  }
  return vnfs;
}

std::vector<DriftShare> by_feature(const Alarm& alarm) {
  const double total = total_of(alarm);
  std::vector<DriftShare> shares;
  for (std::size_t f = 0; f < alarm.columns.size(); ++f)
    shares.push_back({alarm.columns[f], alarm.by_feature[f] / total, alarm.by_feature[f]});
  sort_by_share(shares);
  return shares;
}

std::vector<DriftShare> by_vnf(const Alarm& alarm, std::span<const std::string> configured) {
  const double total = total_of(alarm);
  const auto vnfs = vnfs_of(alarm.columns, configured);
  std::vector<DriftShare> shares;
  std::vector<double> features;
  std::unordered_map<std::string, std::size_t> index;
  for (std::size_t f = 0; f < vnfs.size(); ++f) {
    const auto [found, is_new] = index.emplace(vnfs[f], shares.size());
    if (is_new) {
      shares.push_back({vnfs[f], 0, 0});
      features.push_back(0);
    }
    shares[found->second].share += alarm.by_feature[f] / total;
    shares[found->second].divergence += alarm.by_feature[f];
    ++features[found->second];
  }
  for (std::size_t v = 0; v < shares.size(); ++v) shares[v].divergence /= features[v];
  sort_by_share(shares);
  return shares;
}

}  // namespace drst
