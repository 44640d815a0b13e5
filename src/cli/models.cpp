// drst models: what is released, what is live, whether it is whole, and the way back.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/command.h"
#include "learn/model.h"
#include "registry/registry.h"
#include "store/prefix_store.h"
#include "stream/lane.h"

namespace drst::cli {

namespace {

std::string pad(const std::string& text, std::size_t width) {
  return text.size() >= width ? text + " " : text + std::string(width - text.size(), ' ');
}

std::string live_key(Registry& registry) {
  const auto pointer = registry.pointer();
  return pointer && *pointer ? (*pointer)->model_key : std::string();
}

int list(Registry& registry, bool json) {
  const auto releases = registry.list();
  const auto live = live_key(registry);
  if (json) {
    auto all = nlohmann::ordered_json::array();
    for (const auto& release : releases) {
      all.push_back(nlohmann::ordered_json::parse(to_json(release)));
      all.back()["live"] = release.model_key == live;
    }
    std::puts(all.dump(1).c_str());
    return 0;
  }
  std::printf("%s\n", ("  " + pad("release", 44) + pad("role", 10) + pad("state", 12) + pad("family", 8) +
                       pad("labels", 8) + pad("gain/baseline", 15) + "SHA-256")
                          .c_str());
  for (const auto& release : releases)
    std::printf("%s\n", ((release.model_key == live ? "* " : "  ") + pad(release.model_key, 44) +
                         pad(release.role, 10) + pad(release.state, 12) + pad(release.family, 8) +
                         pad(to_text(release.labels), 8) + pad(to_fixed(release.gain_over_baseline, 4), 15) +
                         release.sha256.substr(0, 12))
                            .c_str());
  return 0;
}

ReleaseInfo find(Registry& registry, const std::string& key) {
  for (auto& release : registry.list())
    if (release.model_key == key || release_timestamp(release.model_key) == key) return release;
  throw InputError("no release '" + key + "' that can be read; `drst models list` shows those there are");
}

/// Besides size and digest: whether it can be read as a model. The registry knows bytes only.
std::string unreadable(Registry& registry, const ReleaseInfo& info, const ModelLimits& limits) {
  const auto release = registry.load({info.model_key, info.metrics_key});
  if (!release) return {};  // said already
  try {
    (void)load_model(release->onnx, limits);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

int verify(Registry& registry, bool json, const ModelLimits& limits) {
  auto problems = registry.verify();
  const auto releases = registry.list();
  if (releases.empty() && problems.empty())
    throw InputError(
        "there is no release in this store; is --store right? `drst offline` publishes the first");
  for (const auto& release : releases)
    if (auto what = unreadable(registry, release, limits); !what.empty())
      problems.push_back({release.model_key, std::move(what)});
  if (json) {
    auto all = nlohmann::ordered_json::array();
    for (const auto& problem : problems) all.push_back({{"key", problem.key}, {"what", problem.what}});
    std::puts(all.dump(1).c_str());
  } else {
    for (const auto& problem : problems) std::printf("%s: %s\n", problem.key.c_str(), problem.what.c_str());
    if (problems.empty()) std::puts("all releases, the pointer and the baseline are whole");
  }
  return problems.empty() ? 0 : static_cast<int>(ExitCode::failed);
}

}  // namespace

void add_models(CLI::App& app, Context& context) {
  auto* models = app.add_subcommand("models", "releases: list, show, verify, rollback, prune");
  models->require_subcommand(1);
  struct Options {
    std::string key;
    bool dry_run = false;
  };
  auto options = std::make_shared<Options>();
  using Work = std::function<int(Registry&)>;
  const auto command = [&context, models](const char* name, const char* what, Work work) {
    auto* sub = models->add_subcommand(name, what);
    context.add_common(*sub, Context::with_store | Context::with_json);
    context.add_lane(*sub);
    sub->callback([&context, work = std::move(work)] {
      context.action = [&context, work] {
        context.load();
        const std::string lane = context.lane();
        context.need_what_is_read();
        const auto whole = context.open_the_store();
        PrefixStore store(*whole, lane_prefix(lane));
        const SystemClock clock;
        Registry registry(store, clock, context.config.registry);
        return work(registry);
      };
    });
    return sub;
  };
  command("list", "all releases, oldest first; * is live",
          [&context](Registry& r) { return list(r, context.json); });
  command("show", "one release with its lineage, as JSON", [options](Registry& r) {
    std::fputs(to_json(find(r, options->key.empty() ? live_key(r) : options->key)).c_str(), stdout);
    std::fputs("\n", stdout);
    return 0;
  })->add_option("release", options->key, "model key or timestamp; default: the live one");
  command(
      "verify", "that every release has its size and digest and can be read, and that the pointers name some",
      [&context](Registry& r) { return verify(r, context.json, context.config.inference.onnx.limits()); });
  command("rollback",
          "point back to what was live before, or to the named release; going back undoes what came after",
          [options](Registry& r) {
            const auto target = options->key.empty() ? std::string() : find(r, options->key).model_key;
            const auto live = r.rollback(target, "operator");
            std::printf("live: %s\n", live.model_key.c_str());
            return 0;
          })
      ->add_option("release", options->key, "model key or timestamp; default: what was live before");
  command("prune", "remove old releases by rule; never one that is live, the baseline or a rollback target",
          [options](Registry& r) {
            for (const auto& key : r.prune(options->dry_run)) std::printf("%s\n", key.c_str());
            return 0;
          })
      ->add_flag("--dry-run", options->dry_run, "only say what would be removed");
}

}  // namespace drst::cli
