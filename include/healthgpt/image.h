/* SPDX-License-Identifier: Apache-2.0
 *
 * image.h: pictures: reading files, what the model's image encoder gets, and writing files.
 *
 * Sizes are in pixels. Samples lie row by row, channels interleaved: (height, width, channels).
 */
#ifndef HEALTHGPT_IMAGE_H
#define HEALTHGPT_IMAGE_H

#include <healthgpt/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A decoded image in memory. Not changed after it is opened, so several threads may read it. */
typedef struct hg_image hg_image;

typedef struct hg_image_info {
    int width;
    int height;
    int channels;       /* 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha */
    int bits;           /* per channel, 8 or 16 */
    const char *format; /* "png", "jpeg", "tiff", "dicom", "nifti", "npy", "slide"; static */
    int orientation;    /* the file's EXIF orientation, 1..8; already applied, width and height are upright */
    bool synthetic; /* made by the model, or read from a file that says so; files written from it say it */
} hg_image_info;

/* Reads an image file, known by its content: PNG, JPEG, TIFF, DICOM, NIfTI (.nii, .nii.gz, .hdr with .img),
 * a NumPy array, or a whole slide of one file; or the DICOM series of a folder or a DICOMDIR. Files with more
 * than one picture give the one that hg_image_view_default names. Decoding runs in a confined child process,
 * so that a file that breaks a decoder is only an error. On success
 * `*image` is the caller's, to be closed; on failure it is NULL. HG_STATUS_INPUT when the file is missing, of
 * an unknown format, damaged, cut short, or larger than 2^27 pixels or 65535 on a side. */
HG_API hg_status hg_image_open(hg_image **image, const char *path, hg_error *err) HG_MUST_CHECK;

/* The same for the `n` bytes of a file in memory, which are not needed afterwards. */
HG_API hg_status hg_image_open_memory(hg_image **image, const void *bytes, size_t n,
                                      hg_error *err) HG_MUST_CHECK;

/* The axis of a volume that slices are cut across. */
typedef enum hg_image_axis {
    HG_IMAGE_AXIS_DEFAULT, /* axial where the orientation is known, else the first of the array */
    HG_IMAGE_AXIS_SAGITTAL,
    HG_IMAGE_AXIS_CORONAL,
    HG_IMAGE_AXIS_AXIAL
} hg_image_axis;

#define HG_IMAGE_MIDDLE (-1)

/* The smallest level whose longer side has 1024 pixels, or else the largest. */
#define HG_IMAGE_AFAR (-1)

/* Which picture of a file is wanted, and in which window. */
typedef struct hg_image_view {
    const char *window; /* "C,W" (centre and width, after rescaling), a preset's name, or NULL: automatic */
    int frame;          /* of a multi-frame file, page of a TIFF, time of a 4-D volume; from 0 */
    int slice;          /* of a volume, from 0 at the left, back or foot; or HG_IMAGE_MIDDLE */
    hg_image_axis axis;
    const char *series; /* of a folder or DICOMDIR: number from 0, largest series first, or UID; NULL: 0 */
    int level;          /* of a whole slide, 0 the largest; or HG_IMAGE_AFAR */
    int region[4]; /* x, y, width, height of a whole slide, in pixels of the level (AFAR: level 0); width 0:
                      all */
} hg_image_view;

/* The automatic window, the first frame, the middle slice of the default axis. */
HG_API hg_image_view hg_image_view_default(void);

/* As hg_image_open, with a choice. HG_STATUS_USAGE when the file has no such frame, slice, axis, level,
 * region or window. */
HG_API hg_status hg_image_open_view(hg_image **image, const char *path, const hg_image_view *view,
                                    hg_error *err) HG_MUST_CHECK;

#define HG_IMAGE_MAX_PICTURES 256

/* Several pictures of one path, read in one run: `wanted` (1..HG_IMAGE_MAX_PICTURES) slices spread over the
 * view's axis of a volume, or over the frames of another file; fewer, as *n says, when it has not so many. Of
 * total places, number k of n is the one nearest to (k + 1) (total - 1) / (n + 1): both ends are left out.
 * The view's slice (frame) counts only when one is wanted. What no window is given for shares one. On success
 * the caller closes images[0..*n); on failure they are NULL. */
HG_API hg_status hg_image_open_slices(hg_image **images, size_t wanted, size_t *n, const char *path,
                                      const hg_image_view *view, hg_error *err) HG_MUST_CHECK;

/* A series of a folder or DICOMDIR. */
typedef struct hg_image_series {
    char uid[68];
    char modality[20];
    int width;
    int height;
    int n_pictures; /* without what is set apart */
} hg_image_series;

/* The first `max` of *n series, largest first; *n is 0 for a single file. */
HG_API hg_status hg_image_list_series(const char *path, hg_image_series *series, size_t max, size_t *n,
                                      hg_error *err) HG_MUST_CHECK;

/* n pictures side by side, row by row, in a grid as square as it can be, black where there is none: 8 bits,
 * grey when all are. Smaller ones lie in the top left of their field. HG_STATUS_USAGE when the result is too
 * large. */
HG_API hg_status hg_image_montage(hg_image **montage, hg_image *const *images, size_t n,
                                  hg_error *err) HG_MUST_CHECK;

/* Name, centre and width of window preset `i` (0..), in Hounsfield units; NULL after the last. */
HG_API const char *hg_window_preset_get(size_t i, double *centre, double *width);

/* "sagittal", "coronal", "axial" or "x", "y", "z"; false for anything else. */
HG_API bool hg_image_axis_find(const char *name, hg_image_axis *axis);

/* NULL is allowed. */
HG_API void hg_image_close(hg_image *image);

HG_API hg_image_info hg_image_get_info(const hg_image *image);

/* How the grey values of a scan became 8 bits. */
typedef enum hg_window_origin {
    HG_WINDOW_ORIGIN_NONE,       /* the stored values are a picture already */
    HG_WINDOW_ORIGIN_USER,       /* the caller's centre and width */
    HG_WINDOW_ORIGIN_PRESET,     /* the caller's preset */
    HG_WINDOW_ORIGIN_TABLE,      /* the file's first VOI table */
    HG_WINDOW_ORIGIN_FILE,       /* the file's first window */
    HG_WINDOW_ORIGIN_PERCENTILE, /* percentiles 1 and 99 of the picture */
    HG_WINDOW_ORIGIN_RANGE       /* smallest to largest value of the picture */
} hg_window_origin;

typedef enum hg_window_function {
    HG_WINDOW_FUNCTION_LINEAR, /* of DICOM: c - 0.5, w - 1 */
    HG_WINDOW_FUNCTION_LINEAR_EXACT,
    HG_WINDOW_FUNCTION_SIGMOID
} hg_window_function;

typedef struct hg_image_window {
    double centre;
    double width;
    char name[48]; /* the file's explanation; may be "" */
} hg_image_window;

#define HG_IMAGE_MAX_WINDOWS 8

/* What a scan (DICOM, NIfTI, TIFF, array) says of itself, and what was shown of it. For PNG and JPEG all of
 * it is zero. Texts are "" and numbers 0 where the file does not say. */
typedef struct hg_image_source {
    bool scan;                /* false: PNG or JPEG */
    char modality[20];        /* DICOM: "CT", "MR", ... */
    char photometric[20];     /* DICOM: "MONOCHROME1", ... */
    char transfer_syntax[68]; /* DICOM: the UID */
    char orientation[4];      /* NIfTI: where the stored axes point, as "RAS" */
    int bits_stored;
    bool is_signed;
    bool is_float;
    int n_frames;
    int frame;
    int n_series; /* of a folder or DICOMDIR; else 0 */
    int series;
    int n_files;           /* DICOM files of all its series */
    char series_uid[68];   /* SeriesInstanceUID */
    char instance_uid[68]; /* SOPInstanceUID of the DICOM file; "" for a picture of several */
    int instance_frame;    /* of that file, from 0 */
    int n_levels;          /* of a whole slide; else 0 */
    int level;
    int n_slices; /* across `axis`; 1 when the file is no volume */
    int slice;
    hg_image_axis axis;
    double spacing[3]; /* mm between columns, rows and slices of the picture */
    double slope;      /* value = slope * stored + intercept */
    double intercept;
    double minimum; /* of the picture's values, padding apart */
    double maximum;
    hg_window_origin origin;
    hg_window_function function;
    hg_image_window window; /* the one in use; for a table or a range its ends as centre and width */
    bool inverted;          /* MONOCHROME1, or the like */
    bool lossy;             /* was compressed with loss */
    bool burned_in;         /* may show names: said so, or a kind of picture that often does */
    int n_windows;          /* windows that the file offers */
    hg_image_window windows[HG_IMAGE_MAX_WINDOWS];
    char note[320]; /* what the reader had to decide, parted by "; "; "" when nothing */
} hg_image_source;

/* Borrowed from the image. */
HG_API const hg_image_source *hg_image_get_source(const hg_image *image);

/* What is known of the file and the view's place of it before pixels are decoded: no window, no statistics.
 * *n: pictures that hg_image_open_slices gives for `wanted`. */
HG_API hg_status hg_image_describe(const char *path, const hg_image_view *view, size_t wanted, size_t *n,
                                   hg_image_source *source, hg_error *err) HG_MUST_CHECK;

/* A word for the origin, as "preset". */
HG_API const char *hg_window_origin_name(hg_window_origin origin);

/* Side of the square that CLIP ViT-L/14-336 sees, and the number of values of each of the two forms below. */
#define HG_CLIP_SIDE 336
#define HG_CLIP_VALUES (3 * HG_CLIP_SIDE * HG_CLIP_SIDE)

/* What the image encoder gets, before normalisation: RGB, padded to a square with (122, 116, 104) around the
 * middle, resized (bicubic, antialiased): uint8 [336, 336, 3] into the caller's `out`. */
HG_API hg_status hg_image_prepare_u8(const hg_image *image, uint8_t out[HG_CLIP_VALUES],
                                     hg_error *err) HG_MUST_CHECK;

/* The same after normalisation with CLIP's mean and deviation: float [3, 336, 336], channels first. */
HG_API hg_status hg_image_prepare_f32(const hg_image *image, float out[HG_CLIP_VALUES],
                                      hg_error *err) HG_MUST_CHECK;

/* A note stored inside a written picture, such as {"Software", "healthgpt"}. The key has 1..79 printable
 * ASCII characters, the value is UTF-8. */
typedef struct hg_image_note {
    const char *key;
    const char *value;
} hg_image_note;

typedef struct hg_image_save_options {
    int quality;                /* JPEG, 1..100; 0: 95 */
    const hg_image_note *notes; /* may be NULL; borrowed during the call */
    size_t n_notes;
} hg_image_save_options;

/* The notes that a file written from a synthetic picture always has, before those of the caller: PNG as text,
 * JPEG as comments, TIFF as Software and ImageDescription, NIfTI as `descrip` and a comment extension. */
#define HG_IMAGE_SYNTHETIC_SOFTWARE "healthgpt"
#define HG_IMAGE_SYNTHETIC_COMMENT "Synthetic image, generated by healthgpt; not for diagnosis"

/* Writes the image as `path` says by its ending (.png; .jpg, .jpeg; .tif, .tiff; .nii, .nii.gz; .dcm), whole
 * or not at all. PNG and TIFF keep all; JPEG gets 8 bits and no alpha, NIfTI 8 bits of RGB or 8 or 16 of
 * grey. `options` may be NULL. HG_STATUS_USAGE for another ending or bad options, HG_STATUS_FAILED when it
 * cannot be written. */
HG_API hg_status hg_image_save(const hg_image *image, const char *path, const hg_image_save_options *options,
                               hg_error *err) HG_MUST_CHECK;

/* Whether hg_image_save knows the ending of `path`: HG_STATUS_USAGE, with the list of endings, when not. */
HG_API hg_status hg_image_can_save(const char *path, hg_error *err) HG_MUST_CHECK;

/* An image of 8 bits and 1 or 3 channels made from the caller's samples, which are copied. HG_STATUS_USAGE on
 * a size or channel number outside what files may have. */
HG_API hg_status hg_image_create(hg_image **image, const uint8_t *samples, int width, int height,
                                 int channels, hg_error *err) HG_MUST_CHECK;

/* The image in 8 bits, without alpha and in another size: bicubic, antialiased. A synthetic one stays marked.
 * HG_STATUS_USAGE on a size that no file may have. */
HG_API hg_status hg_image_resize(hg_image **resized, const hg_image *image, int width, int height,
                                 hg_error *err) HG_MUST_CHECK;

/* Element types of a NumPy file. */
typedef enum hg_npy_type {
    HG_NPY_TYPE_U8, /* '|u1' */
    HG_NPY_TYPE_F32 /* '<f4' */
} hg_npy_type;

#define HG_NPY_MAX_RANK 8

/* Writes `data` as a NumPy array file (version 1.0, C order) of `rank` 0..8 dimensions, whole or not at all.
 */
HG_API hg_status hg_npy_write(const char *path, hg_npy_type type, const void *data, int rank,
                              const int64_t *shape, hg_error *err) HG_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
