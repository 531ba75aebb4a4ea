/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_build_dcmtk.cpp: DCMTK behind dicom_build.h. Nothing but what that header declares leaves this file;
 * exceptions end here.
 */
#include "image/dicom_build.h"
#include "image/dicom_file.h"

extern "C" {
#include "base/error.h"
}

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmdata/dcostrmb.h>

#include <new>
#include <string>
#include <vector>

struct hg_dicom_build {
    DcmFileFormat file;
    std::vector<DcmItem *> open; /* the data set and the items that are not closed */
    std::string problem;         /* the first */
};

static DcmTagKey key_of(uint32_t tag)
{
    return DcmTagKey(static_cast<Uint16>(tag >> 16), static_cast<Uint16>(tag & 0xffff));
}

static void keep_problem(hg_dicom_build *build, uint32_t tag, const char *text) noexcept
{
    if (!build->problem.empty())
        return;
    try {
        char name[16];
        std::snprintf(name, sizeof name, "(%04x,%04x): ", static_cast<unsigned>(tag >> 16),
                      static_cast<unsigned>(tag & 0xffff));
        build->problem = std::string(name) + text;
    } catch (...) {
        build->problem.assign("?", 1); /* fits without memory */
    }
}

/* Runs one step on the open item, unless something has failed. */
template <class Step> static void run(hg_dicom_build *build, uint32_t tag, Step step)
{
    if (!build->problem.empty())
        return;
    try {
        OFCondition result = step(build->open.back());
        if (result.bad())
            keep_problem(build, tag, result.text());
    } catch (...) {
        keep_problem(build, tag, "out of memory");
    }
}

extern "C" hg_status hg_dicom_build_create(hg_dicom_build **build, hg_error *err)
{
    hg_dicom_prepare();
    *build = nullptr;
    try {
        *build = new hg_dicom_build;
        (*build)->open.push_back((*build)->file.getDataset());
        return HG_STATUS_OK;
    } catch (...) {
        delete *build;
        *build = nullptr;
        return hg_error_memory(err, sizeof(hg_dicom_build), "a DICOM file");
    }
}

extern "C" void hg_dicom_build_destroy(hg_dicom_build *build)
{
    delete build;
}

extern "C" void hg_dicom_put_text(hg_dicom_build *build, uint32_t tag, const char *text)
{
    run(build, tag, [=](DcmItem *item) {
        return text == nullptr || *text == 0 ? item->insertEmptyElement(key_of(tag))
                                             : item->putAndInsertString(key_of(tag), text);
    });
}

extern "C" void hg_dicom_put_word(hg_dicom_build *build, uint32_t tag, uint16_t value)
{
    run(build, tag, [=](DcmItem *item) { return item->putAndInsertUint16(key_of(tag), value); });
}

extern "C" void hg_dicom_put_sequence(hg_dicom_build *build, uint32_t tag)
{
    run(build, tag, [=](DcmItem *item) { return item->insertEmptyElement(key_of(tag)); });
}

extern "C" void hg_dicom_put_pixels(hg_dicom_build *build, const void *samples, size_t n, int bits)
{
    run(build, 0x7fe00010, [=](DcmItem *item) {
        return bits == 8 ? item->putAndInsertUint8Array(DCM_PixelData, static_cast<const Uint8 *>(samples),
                                                        static_cast<unsigned long>(n))
                         : item->putAndInsertUint16Array(DCM_PixelData, static_cast<const Uint16 *>(samples),
                                                         static_cast<unsigned long>(n / 2));
    });
}

extern "C" void hg_dicom_begin(hg_dicom_build *build, uint32_t tag)
{
    run(build, tag, [=](DcmItem *item) {
        DcmItem *inner = nullptr;
        OFCondition result = item->findOrCreateSequenceItem(key_of(tag), inner, -2 /* append */);
        if (result.good())
            build->open.push_back(inner);
        return result;
    });
}

extern "C" void hg_dicom_end(hg_dicom_build *build)
{
    if (build->problem.empty() && build->open.size() > 1)
        build->open.pop_back();
}

static hg_status failed(const hg_dicom_build *build, hg_error *err)
{
    return hg_error_set(err, HG_STATUS_FAILED, "cannot make the DICOM file: %s", build->problem.c_str());
}

extern "C" hg_status hg_dicom_build_to_utf8(hg_dicom_build *build, hg_error *err)
{
    run(build, 0x00080005, [](DcmItem *item) { return item->convertToUTF8(); });
    if (build->problem.empty())
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_FAILED, "the source's text is in a character set that cannot be turned into UTF-8");
}

extern "C" hg_status hg_dicom_build_write(hg_dicom_build *build, hg_dicom_take take, void *user, hg_error *err)
{
    static const size_t block_bytes = 1 << 16;
    if (!build->problem.empty())
        return failed(build, err);
    try {
        std::vector<Uint8> block(block_bytes);
        DcmOutputBufferStream out(block.data(), static_cast<offile_off_t>(block.size()));
        build->file.transferInit();
        OFCondition result;
        do {
            void *bytes = nullptr;
            offile_off_t n = 0;
            result = build->file.write(out, EXS_LittleEndianExplicit, EET_ExplicitLength, nullptr,
                                       EGL_recalcGL, EPD_withoutPadding);
            out.flushBuffer(bytes, n);
            if (n > 0 && !take(user, bytes, static_cast<size_t>(n)))
                return hg_error_memory(err, static_cast<unsigned long long>(n), "a DICOM file");
        } while (result == EC_StreamNotifyClient);
        build->file.transferEnd();
        if (result.bad())
            keep_problem(build, 0, result.text());
    } catch (...) {
        keep_problem(build, 0, "out of memory");
    }
    return build->problem.empty() ? HG_STATUS_OK : failed(build, err);
}
