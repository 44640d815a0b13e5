// The detectors that bench/drift_compare_bench sets beside ours must be the published ones.
#include "../bench/drift_peers.h"

#include <gtest/gtest.h>

#include <vector>

namespace drst {
namespace {

/// A level of 1/4, of 1/2 from 1000 to 1999, of 0.35 from 2500 on; noise of a linear congruential generator.
std::vector<double> series(uint32_t seed) {
  std::vector<double> values;
  for (int i = 0; i < 3000; ++i) {
    seed = 1664525U * seed + 1013904223U;
    values.push_back(0.5 * (static_cast<double>(seed) / 4294967296.0) + (i >= 1000 && i < 2000 ? 0.25 : 0.0) +
                     (i >= 2500 ? 0.1 : 0.0));
  }
  return values;
}

template <class Detector>
std::vector<int> hits(Detector detector, const std::vector<double>& values) {
  std::vector<int> found;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (detector.push(values[i])) found.push_back(static_cast<int>(i));
  return found;
}

// River 0.26.1: drift.ADWIN(), drift.PageHinkley(), drift.PageHinkley(threshold=5), indices where
// drift_detected.
TEST(Peers, AdwinFindsWhatRiversDoes) {
  EXPECT_EQ(hits(peers::Adwin(), series(1)), (std::vector<int>{1055, 2047, 2655}));
  EXPECT_EQ(hits(peers::Adwin(), series(2)), (std::vector<int>{1055, 2047, 2751}));
  EXPECT_EQ(hits(peers::Adwin(), series(3)), (std::vector<int>{1055, 2079, 2719}));
  peers::Adwin adwin;
  for (const double x : series(1)) adwin.push(x);
  EXPECT_EQ(adwin.width(), 344);
  EXPECT_NEAR(adwin.total(), 120.18783376282012, 1e-9);
}

TEST(Peers, PageHinkleyFindsWhatRiversDoes) {
  EXPECT_EQ(hits(peers::PageHinkley(), series(1)), (std::vector<int>{1222, 2227}));
  EXPECT_EQ(hits(peers::PageHinkley(), series(2)), (std::vector<int>{1231, 2228}));
  EXPECT_EQ(hits(peers::PageHinkley(), series(3)), (std::vector<int>{1228, 2238}));
  EXPECT_EQ(hits(peers::PageHinkley(5), series(1)), (std::vector<int>{506, 1007, 2005, 2528}));
  EXPECT_EQ(hits(peers::PageHinkley(5), series(2)), (std::vector<int>{1014, 2017, 2273, 2566}));
  EXPECT_EQ(hits(peers::PageHinkley(5), series(3)), (std::vector<int>{1023, 2015, 2533}));
}

TEST(Peers, KswinsStatisticIsKolmogorovAndSmirnovs) {
  peers::Kswin kswin(8, 4, Random(1));  // the older four are all drawn: no chance is left
  for (const double x : {1.0, 2.0, 3.0, 4.0, 2.5, 3.5, 5.0, 6.0}) kswin.add(x);
  EXPECT_EQ(kswin.statistic(), 0.5);  // scipy.stats.ks_2samp([1, 2, 3, 4], [2.5, 3.5, 5, 6]).statistic
}

}  // namespace
}  // namespace drst
