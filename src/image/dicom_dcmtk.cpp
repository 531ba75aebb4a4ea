/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_dcmtk.cpp: DCMTK behind dicom_file.h. Nothing but what that header declares
 * leaves this file; exceptions end here. Transfer syntaxes younger than the library (HTJ2K, deflated frames)
 * are parsed as another encapsulated one, which has the same structure.
 */
#include "image/dicom_file.h"

extern "C" {
#include "base/error.h"
#include "base/memory.h"
}

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/oflog/oflog.h>

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <string>

struct hg_dicom {
    DcmDataset set;
    std::string syntax;
    bool big_endian = false;
};

static DcmItem *item_of(const hg_dicom_item *item)
{
    return reinterpret_cast<DcmItem *>(const_cast<hg_dicom_item *>(item));
}

static DcmTagKey key_of(uint32_t tag)
{
    return DcmTagKey(static_cast<Uint16>(tag >> 16), static_cast<Uint16>(tag & 0xffff));
}

extern "C" void hg_dicom_prepare(void)
{
    static std::once_flag once;
    std::call_once(once, [] {
        try {
            OFLog::configure(OFLogger::OFF_LOG_LEVEL);
            dcmEnableUnknownVRConversion.set(OFTrue);
            dcmDataDict.rdlock(); /* loads it */
            dcmDataDict.rdunlock();
            DJDecoderRegistration::registerCodecs(EDC_photometricInterpretation, EUC_default,
                                                  EPC_colorByPixel);
        } catch (...) {
            /* Opening fails later, with a text. */
        }
    });
}

/* How the library is to parse a file of this syntax. */
static E_TransferSyntax syntax_to_parse(const std::string &uid)
{
    if (uid.empty())
        return EXS_Unknown;
    E_TransferSyntax known = DcmXfer(uid.c_str()).getXfer();
    bool young = uid.rfind("1.2.840.10008.1.2.4.20", 0) == 0 || uid == "1.2.840.10008.1.2.8.1";
    return known == EXS_Unknown && young ? EXS_JPEG2000 : known;
}

static hg_status parse(hg_dicom *dicom, const uint8_t *bytes, size_t n, bool header_only, hg_error *err)
{
    DcmInputBufferStream in;
    in.setBuffer(bytes, static_cast<offile_off_t>(n));
    in.setEos();
    DcmMetaInfo meta;
    meta.transferInit();
    OFCondition result = meta.read(in);
    meta.transferEnd();
    if (result.bad())
        return hg_error_set(err, HG_STATUS_INPUT, "damaged DICOM file, meta header: %s", result.text());
    OFString uid;
    if (meta.findAndGetOFString(DCM_TransferSyntaxUID, uid).good())
        dicom->syntax = uid.c_str();
    E_TransferSyntax syntax = syntax_to_parse(dicom->syntax);
    if (syntax == EXS_Unknown && !dicom->syntax.empty())
        return hg_error_set(err, HG_STATUS_INPUT, "DICOM transfer syntax %s is not known",
                            dicom->syntax.c_str());
    dicom->set.transferInit();
    /* Float pixels come first among the elements that hold pixels. */
    result = header_only
                 ? dicom->set.readUntilTag(in, syntax, EGL_noChange, DCM_MaxReadLength, DCM_FloatPixelData)
                 : dicom->set.read(in, syntax);
    dicom->set.transferEnd();
    if (result.bad())
        return hg_error_set(err, HG_STATUS_INPUT, "damaged DICOM file: %s", result.text());
    dicom->big_endian = DcmXfer(dicom->set.getOriginalXfer()).getByteOrder() == EBO_BigEndian;
    return HG_STATUS_OK;
}

static hg_status open_data_set(hg_dicom **dicom, const uint8_t *bytes, size_t n, bool header_only,
                               hg_error *err)
{
    *dicom = nullptr;
    hg_status status;
    hg_dicom_prepare();
    try {
        *dicom = new hg_dicom;
        status = parse(*dicom, bytes, n, header_only, err);
    } catch (const std::bad_alloc &) {
        status = hg_error_memory(err, n, "a DICOM file");
    } catch (...) {
        status = hg_error_set(err, HG_STATUS_INPUT, "damaged DICOM file");
    }
    if (status != HG_STATUS_OK) {
        hg_dicom_close(*dicom);
        *dicom = nullptr;
    }
    return status;
}

extern "C" hg_status hg_dicom_open(hg_dicom **dicom, const uint8_t *bytes, size_t n, hg_error *err)
{
    return open_data_set(dicom, bytes, n, false, err);
}

extern "C" hg_status hg_dicom_open_header(hg_dicom **dicom, const uint8_t *bytes, size_t n, hg_error *err)
{
    return open_data_set(dicom, bytes, n, true, err);
}

extern "C" void hg_dicom_close(hg_dicom *dicom)
{
    delete dicom;
}

extern "C" const char *hg_dicom_transfer_syntax(const hg_dicom *dicom)
{
    return dicom->syntax.c_str();
}

extern "C" bool hg_dicom_is_big_endian(const hg_dicom *dicom)
{
    return dicom->big_endian;
}

extern "C" const hg_dicom_item *hg_dicom_root(const hg_dicom *dicom)
{
    return reinterpret_cast<const hg_dicom_item *>(static_cast<const DcmItem *>(&dicom->set));
}

extern "C" const hg_dicom_item *hg_dicom_item_get(const hg_dicom_item *item, uint32_t tag, size_t index)
{
    if (item == nullptr)
        return nullptr;
    try {
        DcmSequenceOfItems *sequence = nullptr;
        if (item_of(item)->findAndGetSequence(key_of(tag), sequence).bad() || sequence == nullptr ||
            index >= sequence->card())
            return nullptr;
        return reinterpret_cast<const hg_dicom_item *>(sequence->getItem(static_cast<unsigned long>(index)));
    } catch (...) {
        return nullptr;
    }
}

/* The element itself, not one inside a sequence; a sequence has no value. */
static DcmElement *element_get(const hg_dicom_item *item, uint32_t tag)
{
    DcmElement *element = nullptr;
    if (item == nullptr || item_of(item)->findAndGetElement(key_of(tag), element).bad() ||
        element == nullptr || !element->isLeaf())
        return nullptr;
    return element;
}

extern "C" bool hg_dicom_get_text(const hg_dicom_item *item, uint32_t tag, size_t index, char *out, size_t n)
{
    try {
        DcmElement *element = element_get(item, tag);
        OFString text;
        if (element == nullptr || element->getLengthField() > 1 << 20 ||
            element->getOFString(text, static_cast<unsigned long>(index)).bad())
            return false;
        size_t begin = text.find_first_not_of(" "), end = text.find_last_not_of(" ");
        if (begin == OFString_npos)
            return false;
        size_t length = end + 1 - begin < n - 1 ? end + 1 - begin : n - 1;
        std::memcpy(out, text.c_str() + begin, length);
        out[length] = 0;
        return true;
    } catch (...) {
        return false;
    }
}

extern "C" bool hg_dicom_has(const hg_dicom_item *item, uint32_t tag)
{
    try {
        return item != nullptr && item_of(item)->tagExists(key_of(tag));
    } catch (...) {
        return false;
    }
}

extern "C" bool hg_dicom_get_raw(const hg_dicom_item *item, uint32_t tag, char *out, size_t n)
{
    try {
        DcmElement *element = element_get(item, tag);
        OFString text;
        if (element == nullptr || !element->isaString() || element->getLengthField() > 1 << 20 ||
            element->getOFStringArray(text, OFFalse).bad())
            return false;
        size_t length = text.find('\0') == OFString_npos ? text.length() : text.find('\0');
        length = length < n - 1 ? length : n - 1;
        std::memcpy(out, text.c_str(), length);
        out[length] = 0;
        return length > 0;
    } catch (...) {
        return false;
    }
}

extern "C" bool hg_dicom_get_number(const hg_dicom_item *item, uint32_t tag, size_t index, double *out)
{
    char text[80];
    if (!hg_dicom_get_text(item, tag, index, text, sizeof text))
        return false;
    char *end;
    double value = std::strtod(text, &end);
    if (end == text || *end != 0)
        return false;
    *out = value;
    return true;
}

extern "C" uint16_t *hg_dicom_get_words(const hg_dicom_item *item, uint32_t tag, size_t *n)
{
    try {
        DcmElement *element = element_get(item, tag);
        Uint16 *words = nullptr;
        Uint8 *bytes = nullptr;
        if (element == nullptr || element->getLength() == 0)
            return nullptr;
        bool wide = element->getUint16Array(words).good() && words != nullptr;
        if (!wide && (element->getUint8Array(bytes).bad() || bytes == nullptr))
            return nullptr;
        *n = element->getLength() / (wide ? 2 : 1);
        uint16_t *copy = static_cast<uint16_t *>(hg_mem_array(*n + 1, sizeof *copy));
        for (size_t i = 0; copy != nullptr && i < *n; i++)
            copy[i] = wide ? words[i] : bytes[i];
        return copy;
    } catch (...) {
        return nullptr;
    }
}

static DcmPixelData *pixel_data(const hg_dicom *dicom)
{
    DcmElement *element = nullptr;
    if (const_cast<hg_dicom *>(dicom)->set.findAndGetElement(DCM_PixelData, element).bad())
        return nullptr;
    return dynamic_cast<DcmPixelData *>(element);
}

/* The fragments; NULL when the pixel data are not compressed. */
static DcmPixelSequence *pixel_sequence(const hg_dicom *dicom)
{
    DcmPixelData *data = pixel_data(dicom);
    E_TransferSyntax syntax = EXS_Unknown;
    const DcmRepresentationParameter *parameter = nullptr;
    DcmPixelSequence *sequence = nullptr;
    if (data == nullptr)
        return nullptr;
    data->getOriginalRepresentationKey(syntax, parameter);
    if (!DcmXfer(syntax).isEncapsulated() ||
        data->getEncapsulatedRepresentation(syntax, parameter, sequence).bad())
        return nullptr;
    return sequence;
}

extern "C" hg_dicom_pixels hg_dicom_get_pixels(const hg_dicom *dicom)
{
    try {
        if (pixel_data(dicom) != nullptr)
            return pixel_sequence(dicom) != nullptr ? HG_DICOM_PIXELS_ENCAPSULATED : HG_DICOM_PIXELS_NATIVE;
        DcmElement *element;
        if (const_cast<hg_dicom *>(dicom)->set.findAndGetElement(DCM_FloatPixelData, element).good())
            return HG_DICOM_PIXELS_FLOAT;
        if (const_cast<hg_dicom *>(dicom)->set.findAndGetElement(DCM_DoubleFloatPixelData, element).good())
            return HG_DICOM_PIXELS_DOUBLE;
    } catch (...) {
    }
    return HG_DICOM_PIXELS_NONE;
}

extern "C" bool hg_dicom_view_native(const hg_dicom *dicom, const uint8_t **data, size_t *n)
{
    try {
        hg_dicom_pixels kind = hg_dicom_get_pixels(dicom);
        DcmElement *element = nullptr;
        DcmTagKey key = kind == HG_DICOM_PIXELS_FLOAT    ? DCM_FloatPixelData
                        : kind == HG_DICOM_PIXELS_DOUBLE ? DCM_DoubleFloatPixelData
                                                         : DCM_PixelData;
        if (const_cast<hg_dicom *>(dicom)->set.findAndGetElement(key, element).bad() || element == nullptr)
            return false;
        Uint8 *bytes = nullptr;
        Float32 *floats = nullptr;
        Float64 *doubles = nullptr;
        *n = element->getLengthField();
        if (kind == HG_DICOM_PIXELS_FLOAT)
            *data = element->getFloat32Array(floats).good() ? reinterpret_cast<uint8_t *>(floats) : nullptr;
        else if (kind == HG_DICOM_PIXELS_DOUBLE)
            *data = element->getFloat64Array(doubles).good() ? reinterpret_cast<uint8_t *>(doubles) : nullptr;
        else
            *data = element->getUint8Array(bytes).good() ? bytes : nullptr;
        return *data != nullptr;
    } catch (...) {
        return false;
    }
}

extern "C" size_t hg_dicom_n_fragments(const hg_dicom *dicom)
{
    try {
        DcmPixelSequence *sequence = pixel_sequence(dicom);
        return sequence == nullptr ? 0 : sequence->card();
    } catch (...) {
        return 0;
    }
}

extern "C" bool hg_dicom_view_fragment(const hg_dicom *dicom, size_t i, const uint8_t **data, size_t *n)
{
    try {
        DcmPixelSequence *sequence = pixel_sequence(dicom);
        DcmPixelItem *item = nullptr;
        Uint8 *bytes = nullptr;
        if (sequence == nullptr || sequence->getItem(item, static_cast<unsigned long>(i)).bad() ||
            item == nullptr)
            return false;
        *n = item->getLength();
        if (*n > 0 && (item->getUint8Array(bytes).bad() || bytes == nullptr))
            return false;
        *data = bytes;
        return true;
    } catch (...) {
        return false;
    }
}

extern "C" hg_status hg_dicom_decode(const hg_dicom *dicom, size_t frame, void *out, size_t bytes,
                                     char model[20], hg_error *err)
{
    try {
        DcmPixelData *data = pixel_data(dicom);
        OFString name;
        Uint32 fragment = 0;
        if (data == nullptr || bytes > 0xfffffffeU)
            return hg_error_set(err, HG_STATUS_INPUT, "the frame is too large to be decoded");
        OFCondition result =
            data->getUncompressedFrame(&const_cast<hg_dicom *>(dicom)->set, static_cast<Uint32>(frame),
                                       fragment, out, static_cast<Uint32>(bytes), name);
        if (result.bad())
            return hg_error_set(err, HG_STATUS_INPUT, "cannot decode frame %zu: %s", frame, result.text());
        size_t length = name.length() < 19 ? name.length() : 19;
        std::memcpy(model, name.c_str(), length);
        model[length] = 0;
        return HG_STATUS_OK;
    } catch (const std::bad_alloc &) {
        return hg_error_memory(err, bytes, "a frame");
    } catch (...) {
        return hg_error_set(err, HG_STATUS_INPUT, "cannot decode frame %zu", frame);
    }
}
