#include "collect/chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"

namespace drst {
namespace {

using Names = std::vector<std::string>;
using testing::HasSubstr;

std::string refusal(const std::string& toml) {
  try {
    (void)parse_chain(toml, "chain.toml");
  } catch (const InputError& error) {
    return error.what();
  }
  return "taken";
}
std::string of(const std::string& source) { return refusal("[[source]]\n" + source); }

TEST(Chain, EverySourceWithAllItsKeys) {
  const auto file = parse_chain(R"(
chain = "edge-1"

[[source]]
type = "perf"
vnf = "firewall"
process = "firewall"
events = ["instructions", "cycles"]

[[source]]
type = "perf_stat"
vnf = "bridge"
separator = ";"
command = ["perf", "stat", "-I", "1000"]

[[source]]
type = "pcm"
name = "host"
columns = ["System-IPC"]
file = "/tmp/pcm.csv"

[[source]]
type = "moongen"
column = "Mbit"
file = "tx.csv"
rename = { rate = "input_rate" }

[[source]]
type = "latency"
unit = "ns"
file = "latency.txt"

[[source]]
type = "nic"
interface = "eth0"
columns = ["rx_mbit"]
ethtool = true
rename = { rx_mbit = "output_rate" }

[[source]]
type = "dpdk"
port = 3
socket = "/run/x"

[[source]]
type = "prometheus"
url = "http://127.0.0.1:9100/metrics"
metrics = ["up", { metric = "x_total{code=\"200\"}", column = "x", as = "rate" }]
)",
                                "chain.toml");
  EXPECT_EQ(file.chain, "edge-1");
  ASSERT_EQ(file.sources.size(), 8U);
  EXPECT_EQ(file.sources[0].where, "chain.toml:4");
  EXPECT_EQ(file.sources[0].events, (Names{"instructions", "cycles"}));
  EXPECT_EQ(file.sources[0].process, "firewall");
  EXPECT_EQ(file.sources[1].command, (Names{"perf", "stat", "-I", "1000"}));
  EXPECT_EQ(file.sources[1].separator, ";");
  EXPECT_EQ(file.sources[2].name, "host");
  EXPECT_EQ(file.sources[2].columns, Names{"System-IPC"});
  EXPECT_EQ(file.sources[3].column, "Mbit");
  EXPECT_EQ(file.sources[3].rename.at("rate"), "input_rate");
  EXPECT_EQ(file.sources[4].unit, "ns");
  EXPECT_TRUE(file.sources[5].ethtool);
  EXPECT_EQ(file.sources[6].port, 3);
  EXPECT_EQ(file.sources[6].socket, "/run/x");
  ASSERT_EQ(file.sources[7].metrics.size(), 2U);
  EXPECT_EQ(file.sources[7].metrics[0].as, "auto");
  EXPECT_EQ(file.sources[7].metrics[1].metric, "x_total{code=\"200\"}");
  EXPECT_EQ(file.sources[7].metrics[1].column, "x");
}

TEST(Chain, NeedsASource) {
  EXPECT_THAT(refusal(""), HasSubstr("chain.toml: there is no source"));
  EXPECT_THAT(refusal("source = []"), HasSubstr("there is no source"));
  EXPECT_THAT(refusal("[source]\ntype='nic'"), HasSubstr("two brackets"));
  EXPECT_THAT(refusal("source = [1]"), HasSubstr("a source is a table"));
}

TEST(Chain, UnknownTypesAndKeysAreNamedWithTheirLineAndTheNearest) {
  EXPECT_THAT(of("type = 'perf_stats'"), HasSubstr("chain.toml:2: unknown type 'perf_stats'; did you mean "
                                                   "'perf_stat'"));
  EXPECT_THAT(of("type = 'nic'\ninterfaces = 'eth0'"),
              HasSubstr("chain.toml:3: unknown key 'interfaces' of type nic; did you mean 'interface'"));
  EXPECT_THAT(of("type = 'dpdk'\nurl = 'http://x'"), HasSubstr("unknown key 'url' of type dpdk"));
  EXPECT_THAT(refusal("chian = 'x'\n[[source]]\ntype='dpdk'"), HasSubstr("did you mean 'chain'"));
  EXPECT_THAT(of("vnf = 'x'"), HasSubstr("chain.toml:1: a [[source]] needs a type"));
  EXPECT_THAT(refusal("chain = "), HasSubstr("chain.toml:1: "));
}

TEST(Chain, KeysThatATypeNeeds) {
  EXPECT_THAT(of("type = 'nic'"), HasSubstr("type nic needs interface"));
  EXPECT_THAT(of("type = 'perf'\nprocess = 'x'"), HasSubstr("type perf needs vnf"));
  EXPECT_THAT(of("type = 'perf'\nvnf = 'x'"), HasSubstr("needs one of process, pid, pid_file, cgroup, cpus"));
  EXPECT_THAT(of("type = 'perf'\nvnf = 'x'\nprocess = 'x'\npid = 7"),
              HasSubstr("chain.toml:5: give only one of process, pid"));
  EXPECT_THAT(of("type = 'pcm'"), HasSubstr("needs one of file, command"));
  EXPECT_THAT(of("type = 'pcm'\nfile = 'x'\ncommand = ['x']"), HasSubstr("give only one of file, command"));
  EXPECT_THAT(of("type = 'prometheus'\nurl = 'http://x'"), HasSubstr("needs metrics"));
}

TEST(Chain, WrongValues) {
  EXPECT_THAT(of("type = 7"), HasSubstr("type must be a text"));
  EXPECT_THAT(of("type = 'pcm'\ncommand = 'pcm -csv'"), HasSubstr("command must be a list of texts"));
  EXPECT_THAT(of("type = 'pcm'\ncommand = []"), HasSubstr("command is an empty list"));
  EXPECT_THAT(of("type = 'pcm'\ncommand = ['']"), HasSubstr("command names no program"));
  EXPECT_THAT(of("type = 'pcm'\ncommand = ['a', 1]"), HasSubstr("must hold texts only"));
  EXPECT_THAT(of("type = 'pcm'\nfile = ''"), HasSubstr("file is empty"));
  EXPECT_THAT(of("type = 'dpdk'\nport = -1"), HasSubstr("port = -1 is not between 0 and 65535"));
  EXPECT_THAT(of("type = 'dpdk'\nport = '1'"), HasSubstr("port must be a whole number"));
  EXPECT_THAT(of("type = 'perf'\nvnf = 'x'\npid = 0"), HasSubstr("pid = 0 is not between"));
  EXPECT_THAT(of("type = 'nic'\ninterface = '../x'"), HasSubstr("no name of an interface"));
  EXPECT_THAT(of("type = 'nic'\ninterface = 'a'\nethtool = 1"), HasSubstr("must be true or false"));
  EXPECT_THAT(of("type = 'nic'\ninterface = 'a'\ncolumns = ['x', 'x']"), HasSubstr("'x' twice"));
  EXPECT_THAT(of("type = 'nic'\ninterface = 'a'\nrename = { a = ' x' }"), HasSubstr("cannot name a column"));
  EXPECT_THAT(of("type = 'nic'\ninterface = 'a'\nrename = { a = 'x', b = 'x' }"), HasSubstr("two columns"));
  EXPECT_THAT(of("type = 'nic'\ninterface = 'a'\nrename = 'x'"), HasSubstr("rename must be a table"));
  EXPECT_THAT(of("type = 'latency'\nfile = 'x'\nunit = 's'"), HasSubstr("is none of auto, ns, us, ms"));
  EXPECT_THAT(of("type = 'perf'\nvnf = 'a b'\npid = 1"), HasSubstr("bad vnf name 'a b'"));
  EXPECT_THAT(of("type = 'perf'\nvnf = 'x'\npid = 1\nevents = ['']"), HasSubstr("cannot name a column"));
  EXPECT_THAT(refusal("chain = 'a/b'\n[[source]]\ntype='dpdk'"), HasSubstr("chain.toml:1: bad chain name"));
}

TEST(Chain, MetricsOfPrometheus) {
  const std::string begin = "type = 'prometheus'\nurl = 'http://x'\n";
  EXPECT_THAT(of(begin + "metrics = []"), HasSubstr("metrics is an empty list"));
  EXPECT_THAT(of(begin + "metrics = [3]"), HasSubstr("must hold texts or tables"));
  EXPECT_THAT(of(begin + "metrics = ['']"), HasSubstr("a metric has no name"));
  EXPECT_THAT(of(begin + "metrics = [{metric='a', as='rates'}]"), HasSubstr("did you mean 'rate'"));
  EXPECT_THAT(of(begin + "metrics = [{name='a'}]"), HasSubstr("unknown key 'name' of a metric"));
}

TEST(Chain, AnAddressThatIsRefusedIsNotRepeated) {
  const auto said = of("type = 'prometheus'\nurl = 'ftp://user:secret@host'\nmetrics = ['up']");
  EXPECT_THAT(said, HasSubstr("url must begin with http"));
  EXPECT_EQ(said.find("secret"), std::string::npos);
}

TEST(Chain, IsReadFromAFile) {
  const TemporaryFolder folder;
  write_file_atomic(folder.path() / "c.toml", "[[source]]\ntype = 'dpdk'\n", Sync::no);
  EXPECT_EQ(read_chain(folder.path() / "c.toml").sources.size(), 1U);
  EXPECT_THROW((void)read_chain(folder.path() / "none.toml"), InputError);
}

}  // namespace
}  // namespace drst
