// Reading a mixture's file: it is taken apart as bytes, each member's made anew and given to the reader of
// its kind. Protobuf objects, which can be a hundred times the bytes that make them, are built of one member
// at a time within that reader's bounds, and of the tail, which is small.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "learn/mixture.h"
#include "learn/mixture_parts.h"
#include "nn/onnx.h"
#include "nn/onnx_wire.h"

namespace drst::learn {
namespace {

// Field numbers of onnx.proto.
constexpr uint64_t kModelGraph = 7;
constexpr uint64_t kModelOpset = 8;
constexpr uint64_t kModelMetadata = 14;
constexpr uint64_t kGraphNode = 1;
constexpr uint64_t kGraphInitializer = 5;
constexpr uint64_t kNodeInput = 1;
constexpr uint64_t kNodeOutput = 2;
constexpr uint64_t kNodeName = 3;
constexpr uint64_t kNodeDomain = 7;
constexpr uint64_t kTensorName = 8;
constexpr uint64_t kOpsetDomain = 1;
constexpr uint64_t kEntryKey = 1;
constexpr uint64_t kEntryValue = 2;

/// Of nodes and constants behind the members; 16 members have some kB.
constexpr std::size_t most_tail_bytes = std::size_t{64} << 10U;

constexpr std::string_view ml_domain = "ai.onnx.ml";

[[noreturn]] void refuse(const std::string& what) { throw ModelError("model file: " + what); }

/// The first field of this number, empty if there is none.
std::string_view text_field(std::string_view message, uint64_t number) {
  for (Wire wire(message); !wire.done();) {
    const auto field = wire.field();
    if (field.number == number && field.type == kBytes) return field.content;
  }
  return {};
}

void put_entry(std::string& model, std::string_view key, std::string_view value) {
  std::string entry;
  put_bytes(entry, kEntryKey, key);
  put_bytes(entry, kEntryValue, value);
  put_bytes(model, kModelMetadata, entry);
}

struct Part {
  std::string graph;  // nodes and constants, named as in the member's own file
  bool trees = false;
};

/// A file taken apart.
class Parts {
 public:
  Parts(std::string_view bytes, const ModelLimits& limits, std::map<std::string, std::string>& metadata)
      : limits_(limits) {
    if (bytes.size() > limits.network.max_bytes)
      refuse(to_text(bytes.size()) + " bytes, more than the limit of " + to_text(limits.network.max_bytes));
    std::vector<std::string_view> graphs;
    for (Wire wire(bytes); !wire.done();) {
      const auto field = wire.field();
      if (field.number == kModelGraph && field.type == kBytes) {
        graphs.push_back(field.content);
        continue;
      }
      keep(field.whole, most_header());
      if (field.number == kModelMetadata && field.type == kBytes) {
        metadata.insert_or_assign(std::string(text_field(field.content, kEntryKey)),
                                  std::string(text_field(field.content, kEntryValue)));
      } else if (field.number == kModelOpset && text_field(field.content, kOpsetDomain) == ml_domain) {
        ml_opset_ += field.whole;
      } else {
        header_ += field.whole;
      }
    }
    members_.resize(count(metadata[members_key]));
    for (const auto graph : graphs) take_graph(graph);
  }

  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] const std::string& tail() const { return tail_; }

  /// A member's file; its part is spent.
  std::string file_of(std::size_t member, const std::string& names, const std::string& family) {
    Part part = std::move(members_[member]);
    std::string file = header_;
    if (part.trees) file += ml_opset_;  // a reader of networks wants its own opset only
    part.graph += graph_header_;
    put_bytes(file, kModelGraph, part.graph);
    put_entry(file, "feature_names", names);
    put_entry(file, "family", family);
    return file;
  }

 private:
  static std::size_t count(const std::string& text) {
    const auto members = parse_int(text).value_or(0);
    if (members < 1 || members > static_cast<int64_t>(most_members))
      refuse("a mixture of " + to_text(members) + " members; 1 to " + to_text(most_members) + " are read");
    return static_cast<std::size_t>(members);
  }

  [[nodiscard]] std::size_t most_header() const { return limits_.network.max_structure_bytes; }
  void keep(std::string_view bytes, std::size_t most) {
    kept_ += bytes.size();
    if (kept_ > most) refuse("more than " + to_text(most) + " bytes beside the members");
  }

  void take_graph(std::string_view bytes) {
    for (Wire wire(bytes); !wire.done();) {
      const auto field = wire.field();
      const bool node = field.number == kGraphNode && field.type == kBytes;
      if (!node && !(field.number == kGraphInitializer && field.type == kBytes)) {
        keep(field.whole, most_header());
        graph_header_ += field.whole;
        continue;
      }
      const auto member = member_of(text_field(field.content, node ? kNodeOutput : kTensorName));
      if (member == members_.size()) {
        if (tail_.size() + field.whole.size() > most_tail_bytes)
          refuse("more than " + to_text(most_tail_bytes) + " bytes behind the members");
        tail_ += field.whole;
        continue;
      }
      Part& part = members_[member];
      if (node) part.trees = part.trees || text_field(field.content, kNodeDomain) == ml_domain;
      put_bytes(part.graph, field.number,
                node ? node_of(field.content, member) : constant_of(field.content, member));
    }
  }

  /// The member whose values have this name; size() if none has.
  [[nodiscard]] std::size_t member_of(std::string_view name) const {
    for (std::size_t k = 0; k < members_.size(); ++k)
      if (name.starts_with(mixture_prefix(k))) return k;
    return members_.size();
  }

  static std::string node_of(std::string_view bytes, std::size_t member) {
    return renamed(bytes, member, {kNodeInput, kNodeOutput, kNodeName});
  }
  static std::string constant_of(std::string_view bytes, std::size_t member) {
    return renamed(bytes, member, {kTensorName});
  }

  /// Without the member's prefix in these fields.
  static std::string renamed(std::string_view bytes, std::size_t member,
                             std::initializer_list<uint64_t> names) {
    const std::string prefix = mixture_prefix(member);
    std::string out;
    out.reserve(bytes.size());
    for (Wire wire(bytes); !wire.done();) {
      const auto field = wire.field();
      const bool name =
          field.type == kBytes && std::find(names.begin(), names.end(), field.number) != names.end();
      if (!name || field.content.empty() || field.content == mixture_input) {
        out += field.whole;
      } else if (field.content.starts_with(prefix)) {
        put_bytes(out, field.number, field.content.substr(prefix.size()));
      } else {
        refuse("'" + std::string(field.content.substr(0, 100)) + "' stands inside member " + to_text(member));
      }
    }
    return out;
  }

  const ModelLimits& limits_;
  std::string header_, ml_opset_, graph_header_;
  std::vector<Part> members_;
  std::string tail_;
  std::size_t kept_ = 0;
};

float weight_of(const onnx::GraphProto& tail, std::size_t member) {
  for (const auto& tensor : tail.initializer()) {
    if (tensor.name() != mixture_weight(member)) continue;
    float weight = 0;
    if (tensor.raw_data().size() != sizeof weight) break;
    std::memcpy(&weight, tensor.raw_data().data(), sizeof weight);
    return weight;
  }
  refuse("member " + to_text(member) + " of the mixture has no weight");
}

}  // namespace

bool holds_mixture(std::string_view bytes) noexcept {
  try {
    for (Wire wire(bytes); !wire.done();) {
      const auto field = wire.field();
      if (field.number == kModelMetadata && field.type == kBytes &&
          text_field(field.content, kEntryKey) == members_key)
        return true;
    }
  } catch (const ModelError&) {  // the readers say what is wrong with it
  }
  return false;
}

std::unique_ptr<Model> mixture_from_onnx(std::string_view bytes, const ModelLimits& limits,
                                         std::map<std::string, std::string>& metadata) {
  Parts parts(bytes, limits, metadata);
  onnx::GraphProto tail;
  if (!tail.ParseFromString(parts.tail())) refuse("not ONNX, or cut short");
  std::vector<MixtureMember> members;
  std::vector<float> weights;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    weights.push_back(weight_of(tail, k));
    // No mixture can be inside: what makes a file one stands beside its graph, and is not handed on.
    const std::string file = parts.file_of(k, metadata["feature_names"], metadata["member" + to_text(k)]);
    members.push_back({load_model(file, limits), weights.back()});
  }
  const bool geometric = std::any_of(tail.node().begin(), tail.node().end(),
                                     [](const onnx::NodeProto& node) { return node.op_type() == "Exp"; });
  onnx::GraphProto expected;
  write_mixture_tail(expected, weights, geometric);
  if (expected.SerializeAsString() != tail.SerializeAsString())
    refuse("what follows the members is no weighted mean of them");
  std::unique_ptr<Model> mixture;
  try {
    mixture = make_mixture(std::move(members), geometric, metadata["family"]);
  } catch (const InputError& error) {
    refuse(error.what());
  }
  // Another runtime multiplies by what stands in the file.
  double sum = 0;
  for (const float weight : weights) sum += static_cast<double>(weight);
  if (std::abs(sum - 1) > 1e-6)
    refuse("the weights of the members are " + to_text(sum) + " together instead of 1");
  return mixture;
}

}  // namespace drst::learn
