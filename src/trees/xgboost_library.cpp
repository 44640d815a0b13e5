#include "trees/xgboost_library.h"

#include <dlfcn.h>

#include "base/error.h"

namespace drst::trees {

namespace {

std::string last_error() {
  const char* error = dlerror();
  return error != nullptr ? error : "no reason given";
}

template <class Function>
void find(void* library, const std::string& file, const char* name, Function& function) {
  void* found = dlsym(library, name);
  if (found == nullptr)
    throw FailedError("boosted trees: " + file +
                      " is not the xgboost library that is needed: " + last_error());
  function = reinterpret_cast<Function>(found);
}

}  // namespace

Xgboost open_xgboost(const std::string& file) {
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    throw FailedError("boosted trees need the xgboost library, which cannot be opened: " + last_error() +
                      "; install it (Debian: libxgboost0), or choose another model.family");
  Xgboost functions{};
  find(library, file, "XGBGetLastError", functions.XGBGetLastError);
  find(library, file, "XGDMatrixCreateFromMat", functions.XGDMatrixCreateFromMat);
  find(library, file, "XGDMatrixSetFloatInfo", functions.XGDMatrixSetFloatInfo);
  find(library, file, "XGDMatrixFree", functions.XGDMatrixFree);
  find(library, file, "XGBoosterCreate", functions.XGBoosterCreate);
  find(library, file, "XGBoosterFree", functions.XGBoosterFree);
  find(library, file, "XGBoosterSetParam", functions.XGBoosterSetParam);
  find(library, file, "XGBoosterUpdateOneIter", functions.XGBoosterUpdateOneIter);
  find(library, file, "XGBoosterSaveModelToBuffer", functions.XGBoosterSaveModelToBuffer);
  return functions;
}

const Xgboost& xgboost() {
  static const Xgboost functions = open_xgboost(DRST_XGBOOST_FILE);
  return functions;
}

}  // namespace drst::trees
