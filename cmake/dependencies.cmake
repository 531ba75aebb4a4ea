# SPDX-License-Identifier: Apache-2.0
# C++ and the libraries of the whole program.

# Two files are C++ (src/image/dicom_dcmtk.cpp and dicom_build_dcmtk.cpp, around DCMTK); its compiler is that of the C files' family.
if(CMAKE_C_COMPILER_ID MATCHES Clang AND NOT CMAKE_CXX_COMPILER)
  string(REGEX REPLACE "clang([-0-9]*)$" "clang++\\1" CMAKE_CXX_COMPILER "${CMAKE_C_COMPILER}")
endif()
enable_language(CXX)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

find_package(PkgConfig REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(JPEG REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(TIFF REQUIRED IMPORTED_TARGET libtiff-4)
pkg_check_modules(OPENJPEG REQUIRED IMPORTED_TARGET libopenjp2)
pkg_check_modules(CHARLS REQUIRED IMPORTED_TARGET charls)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(OPENSLIDE REQUIRED IMPORTED_TARGET openslide)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
# By name and not through DCMTK's own package, which would link its network libraries, too.
foreach(name dcmjpeg dcmdata oflog ofstd)
  find_library(HG_LIBRARY_${name} ${name} REQUIRED)
  list(APPEND HG_DCMTK ${HG_LIBRARY_${name}})
endforeach()
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
find_library(DNNL_LIBRARY dnnl REQUIRED)
