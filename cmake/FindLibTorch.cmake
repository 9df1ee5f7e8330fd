# Finds LibTorch in LIBTORCH_DIR: an unpacked Python wheel (the folder `torch`) or any tree with include/ and lib/.
#
# Defines LibTorch::c10 and LibTorch::cpu. CUDA is not linked: ecg-trainer opens libtorch_cuda.so at run time where
# it is there, so that one binary serves both kinds of host. Why not find_package(Torch): see docs/adr/0002.
set(LIBTORCH_DIR "" CACHE PATH "LibTorch tree (has include/ and lib/); `./dev setup` prepares the pinned one")
if(NOT LIBTORCH_DIR)
  if(DEFINED ENV{ECGTRAIN_CACHE})
    set(_cache "$ENV{ECGTRAIN_CACHE}")
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(_cache "$ENV{XDG_CACHE_HOME}/ecgtrain")
  else()
    set(_cache "$ENV{HOME}/.cache/ecgtrain")
  endif()
  set(LIBTORCH_DIR "${_cache}/libtorch-2.11.0/torch")
endif()

find_library(LibTorch_cpu_LIBRARY torch_cpu PATHS "${LIBTORCH_DIR}/lib" NO_DEFAULT_PATH)
find_library(LibTorch_c10_LIBRARY c10 PATHS "${LIBTORCH_DIR}/lib" NO_DEFAULT_PATH)
find_path(LibTorch_INCLUDE_DIR torch/csrc/api/include/torch/torch.h PATHS "${LIBTORCH_DIR}/include" NO_DEFAULT_PATH)
if(LibTorch_INCLUDE_DIR AND EXISTS "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h")
  file(STRINGS "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h" _version REGEX "define TORCH_VERSION ")
  string(REGEX REPLACE ".*\"(.*)\".*" "\\1" LibTorch_VERSION "${_version}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_cpu_LIBRARY LibTorch_c10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "no LibTorch in '${LIBTORCH_DIR}': run ./dev setup, set LIBTORCH_DIR, or configure the preset `service`")

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  foreach(_lib c10 cpu)
    add_library(LibTorch::${_lib} SHARED IMPORTED)
    set_target_properties(LibTorch::${_lib} PROPERTIES
      IMPORTED_LOCATION "${LibTorch_${_lib}_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${LibTorch_INCLUDE_DIR};${LibTorch_INCLUDE_DIR}/torch/csrc/api/include")
  endforeach()
  set_target_properties(LibTorch::cpu PROPERTIES
    INTERFACE_COMPILE_DEFINITIONS "USE_DISTRIBUTED;USE_C10D_GLOO;USE_RPC;USE_TENSORPIPE"
    INTERFACE_LINK_LIBRARIES LibTorch::c10)
endif()
